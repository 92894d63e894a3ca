import type { Document } from './openapi.ts'
import { answerText, schemaText, tableOf } from './docs-schema.ts'
import type { Schema } from './docs-schema.ts'

/** What the page needs to know of an operation. */
interface Operation {
  readonly operationId?: string
  readonly summary?: string
  readonly description?: string
  readonly tags?: readonly string[]
  readonly security?: readonly Readonly<Record<string, unknown>>[]
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly content: Content; readonly required?: boolean }
  readonly responses?: Readonly<Record<string, { readonly description: string; readonly content?: Content }>>
}

interface Parameter {
  readonly name: string
  readonly in: string
  readonly required?: boolean
  readonly schema?: Schema
}

type Content = Readonly<Record<string, { readonly schema?: Schema }>>

interface Entry {
  readonly method: string
  readonly path: string
  readonly operation: Operation
}

const METHODS = ['get', 'post', 'delete'] as const

/** The page that explains the HTTP interface to people, made of the very document that programs read. Needs no script. */
export function DocsPage({ document, style }: { readonly document: Document; readonly style: string }) {
  const entries = entriesOf(document)
  const tags = (document.tags ?? []).filter(({ name }) => entries.some(({ operation }) => isOf(operation, name)))
  const schemas = Object.entries((document.components?.schemas ?? {}) as Readonly<Record<string, Schema>>)
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        <title>The HTTP interface · Sojourn</title>
        <link rel="stylesheet" href={style} />
      </head>
      <body>
        <a class="skip" href="#main">
          Skip to content
        </a>
        <header class="top">
          <a class="brand" href="/">
            Sojourn
          </a>
          <nav aria-label="Beside this">
            <a href="/openapi.json">openapi.json</a>
          </nav>
        </header>
        <main id="main" class="wide docs">
          <h1>The HTTP interface</h1>
          <p class="lead">
            <Prose text={document.info.description ?? ''} />
          </p>
          <nav aria-label="Contents" class="contents">
            {tags.map(({ name }) => (
              <a href={`#${slug(name)}`}>{name}</a>
            ))}
            <a href="#objects">Objects</a>
          </nav>
          {tags.map(({ name, description }) => (
            <section id={slug(name)} aria-labelledby={`${slug(name)}-title`}>
              <h2 id={`${slug(name)}-title`}>{name}</h2>
              <p class="hint">{description}</p>
              {entries
                .filter(({ operation }) => isOf(operation, name))
                .map((entry) => (
                  <OperationCard {...entry} />
                ))}
            </section>
          ))}
          <section id="objects" aria-labelledby="objects-title">
            <h2 id="objects-title">Objects</h2>
            {schemas.map(([name, schema]) => (
              <article id={`object-${name}`} class="card operation">
                <h3>{name}</h3>
                {schema.description !== undefined && <p>{schema.description}</p>}
                <Fields schema={schema} caption={`What ${name} is made of`} />
              </article>
            ))}
          </section>
        </main>
      </body>
    </html>
  )
}

function OperationCard({ method, path, operation }: Entry) {
  const { operationId = '', summary, description, parameters = [], requestBody, responses = {} } = operation
  const query = parameters.filter((parameter) => parameter.in === 'query')
  const body = requestBody?.content['application/json']?.schema
  return (
    <article id={operationId} class="card operation">
      <h3>
        <a href={`#${operationId}`}>
          <span class={`method ${method}`}>{method.toUpperCase()}</span> <code>{path}</code>
        </a>
      </h3>
      <p>
        <strong>{summary}.</strong> {description === undefined ? '' : <Prose text={description} />}
      </p>
      <p class="hint">{credentials(operation)}</p>
      {query.length > 0 && (
        <Table
          caption="Query"
          rows={query.map(({ name, schema = {}, required }) => ({
            name,
            type: schemaText(schema),
            isRequired: required === true,
            description: schema.description ?? '',
          }))}
        />
      )}
      {body !== undefined && (
        <Fields schema={body} caption={requestBody?.required === true ? 'Body' : 'Body, which may be left out'} />
      )}
      <h4>Answers</h4>
      <dl class="answers">
        {Object.entries(responses).map(([status, { description: means, content = {} }]) => (
          <div>
            <dt>{status}</dt>
            <dd>
              <Answer means={means} content={content} />
            </dd>
          </div>
        ))}
      </dl>
    </article>
  )
}

/** Who may: nobody in particular, or with which of the credentials. */
function credentials({ security = [] }: Operation): string {
  const names = security.flatMap((each) => Object.keys(each))
  if (names.length === 0) return 'For anybody.'
  return `With ${names.map((name) => CREDENTIALS[name] ?? name).join(' or ')}.`
}

const CREDENTIALS: Readonly<Record<string, string>> = {
  cookie: 'the session cookie',
  key: 'a key',
  token: 'the token of a session',
}

/** What comes back: the form of the JSON, or of what type it is otherwise. */
function Answer({ means, content }: { readonly means: string; readonly content: Content }) {
  const json = content['application/json']?.schema
  if (json !== undefined && Object.keys(content).length === 1) return <Type text={answerText(json)} />
  const types = Object.keys(content).filter((type) => type !== 'application/problem+json')
  return types.length === 0 ? <Prose text={means} /> : <Prose text={types.map((type) => `\`${type}\``).join(' or ')} />
}

function Fields({ schema, caption }: { readonly schema: Schema; readonly caption: string }) {
  return (
    <>
      {tableOf(schema).map(({ title, rows }) =>
        rows.length === 0 ? (
          <p>
            <Type text={title} />
          </p>
        ) : (
          <Table caption={title === '' ? caption : `${caption}: ${title}`} rows={rows} />
        ),
      )}
    </>
  )
}

interface Row {
  readonly name: string
  readonly type: string
  readonly isRequired: boolean
  readonly description: string
}

function Table({ caption, rows }: { readonly caption: string; readonly rows: readonly Row[] }) {
  return (
    <table>
      <caption>{caption}</caption>
      <tbody>
        {rows.map(({ name, type, isRequired, description }) => (
          <tr>
            <th scope="row">
              <code>{name}</code>
            </th>
            <td>
              <Type text={isRequired ? type : `${type}, optional`} />
              {description !== '' && (
                <span class="hint">
                  <Prose text={description} />
                </span>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** Names of objects lead to what they are made of. */
function Type({ text }: { readonly text: string }) {
  return (
    <span>
      {text
        .split(/(\b[A-Z]\w+\b)/)
        .map((piece, place) => (place % 2 === 1 ? <a href={`#object-${piece}`}>{piece}</a> : piece))}
    </span>
  )
}

/** A sentence in which backticks mark what programs spell. */
function Prose({ text }: { readonly text: string }) {
  return <>{text.split('`').map((piece, place) => (place % 2 === 1 ? <code>{piece}</code> : piece))}</>
}

function entriesOf({ paths = {} }: Document): readonly Entry[] {
  return Object.entries(paths).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = item[method] as Operation | undefined
      return operation === undefined ? [] : [{ method, path, operation }]
    }),
  )
}

function isOf({ tags = [] }: Operation, tag: string): boolean {
  return tags.includes(tag)
}

function slug(name: string): string {
  return name.toLowerCase().replaceAll(' ', '-')
}
