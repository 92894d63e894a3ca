/** Makes the pages quicker. Everything here works without it. */

const UNITS = [
  ['year', 365 * 86_400],
  ['month', 30 * 86_400],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
]
const RELATIVE = new Intl.RelativeTimeFormat('en')
const EXACT = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeStyle: 'long' })

// By the service's clock: this device's own may be wrong.
let ahead = 0

setUp()
setInterval(tellTimes, 20_000)
document.addEventListener('submit', send)
document.addEventListener('click', reveal)
// Back to a page that the browser has kept: what was sent from it is over.
addEventListener('pageshow', () => {
  for (const form of document.forms) setBusy(form, false)
})

function setUp() {
  ahead = Date.now() - Date.parse(document.querySelector('main').dataset.now)
  for (const button of revealers(document)) button.hidden = false
  for (const time of times()) {
    time.title = EXACT.format(new Date(time.dateTime))
  }
  tellTimes()
  // What was done has been said; to load the page again is not to do it again.
  if (location.search.startsWith('?done=')) history.replaceState(null, '', location.pathname)
}

function tellTimes() {
  for (const time of times()) {
    const seconds = (Date.now() - ahead - Date.parse(time.dateTime)) / 1_000
    const unit = UNITS.find(([, size]) => seconds >= size)
    const text = unit === undefined ? 'just now' : RELATIVE.format(-Math.floor(seconds / unit[1]), unit[0])
    if (time.textContent !== text) time.textContent = text
  }
}

/** @param {MouseEvent} event */
function reveal({ target }) {
  const button = target instanceof Element ? target.closest('.reveal') : null
  if (button === null) return
  const input = /** @type {HTMLInputElement} */ (document.getElementById(button.getAttribute('aria-controls')))
  const isShown = input.type === 'password'
  input.type = isShown ? 'text' : 'password'
  button.setAttribute('aria-pressed', String(isShown))
  button.firstChild.nodeValue = isShown ? 'Hide' : 'Show'
}

/**
 * Sends no form twice, and those that say so without leaving the page.
 * @param {SubmitEvent} event
 */
function send(event) {
  const form = /** @type {HTMLFormElement} */ (event.target)
  if (form.ariaBusy === 'true') {
    event.preventDefault()
    return
  }
  setBusy(form, true)
  // What is shown in clear text would be kept by the browser as something that may be suggested again.
  for (const button of revealers(form)) if (button.ariaPressed === 'true') button.click()
  if (form.dataset.quick !== 'true') return
  event.preventDefault()
  void sendQuickly(form)
}

/** @param {HTMLFormElement} form */
async function sendQuickly(form) {
  try {
    const response = await fetch(form.action, { method: 'POST', body: new URLSearchParams(new FormData(form)) })
    const { pathname, search } = new URL(response.url)
    if (pathname === location.pathname) show(await response.text(), search)
    else if (response.redirected) location.assign(pathname + search)
    else show(await response.text(), location.search)
  } catch {
    // The network, perhaps; the browser says it better than we could.
    form.submit()
  }
}

/**
 * Puts the content of a page in the place of what is here.
 * @param {string} html
 * @param {string} search
 */
function show(html, search) {
  const page = new DOMParser().parseFromString(html, 'text/html')
  document.querySelector('main').replaceWith(page.querySelector('main'))
  document.title = page.title
  history.replaceState(null, '', location.pathname + search)
  setUp()
  const first = /** @type {HTMLElement | null} */ (document.querySelector('main [autofocus]'))
  first?.focus()
}

/**
 * @param {HTMLFormElement} form
 * @param {boolean} isBusy
 */
function setBusy(form, isBusy) {
  form.ariaBusy = isBusy ? 'true' : null
}

/** @returns {NodeListOf<HTMLTimeElement>} */
function times() {
  return document.querySelectorAll('time[data-relative]')
}

/**
 * @param {ParentNode} within
 * @returns {NodeListOf<HTMLButtonElement>}
 */
function revealers(within) {
  return within.querySelectorAll('.reveal')
}
