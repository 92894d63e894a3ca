/** After so long without a touch or a key nobody may be there any more, in milliseconds. */
const PATIENCE = 60_000
const SIGNS = ['pointerdown', 'pointermove', 'keydown', 'wheel', 'touchstart'] as const

let lastSign = performance.now()

/** Begins to look for signs of somebody before the page. */
export function watchAttendance(): void {
  const note = (): void => {
    lastSign = performance.now()
  }
  for (const sign of SIGNS) window.addEventListener(sign, note, { capture: true, passive: true })
}

/**
 * Whether somebody has been before the page within the last minute. What it asks for on its own after that does not
 * keep the session alive: an operator who has left is signed out as if the page were closed.
 */
export function isAttended(): boolean {
  return performance.now() - lastSign < PATIENCE
}
