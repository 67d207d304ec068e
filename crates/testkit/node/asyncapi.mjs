// The AsyncAPI document as its makers' own parser reads it, and what Admin sends held against the schemas in it: the events of
// the org, and ADMIN_MESSAGES, which a webhook got.
import assert from 'node:assert/strict'
import { end, load, step, whole } from './admin.mjs'

const { Parser } = (await load('@asyncapi/parser')).default
const Ajv = (await load('ajv')).default
const document = await whole('/v3/asyncapi.json')
const messages = JSON.parse(process.env.ADMIN_MESSAGES)

await step('the document is one of AsyncAPI 3.0', async () => {
  const { document: read, diagnostics } = await new Parser().parse(JSON.stringify(document))
  assert.deepEqual(diagnostics.filter(({ severity }) => severity < 2), [])
  assert.equal(read.version(), '3.0.0')
  assert.deepEqual(read.channels().all().map((channel) => channel.id()).sort(), ['exchange', 'stream', 'webhooks'])
  assert.equal(read.operations().filterBySend().length, 3)
})

const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true })
// The whole document is no schema; what is pointed to in it is.
ajv.addSchema({ $id: 'admin:', components: document.components, channels: document.channels })
/** What is wrong with a value, by the schema at this pointer. */
const wrong = (pointer, value) => {
  const validate = ajv.getSchema(`admin:#${pointer}`)
  return validate(value) ? [] : validate.errors
}
const payload = (kind) => `/components/schemas/${kind}`

const events = []
for (let cursor = 0; ; ) {
  const page = await whole(`/v3/events?limit=200&cursor=${cursor}`)
  if (page.data.length === 0) break
  events.push(...page.data)
  cursor = page.data.at(-1).seq
}

await step(`${events.length} events are as their schemas say`, () => {
  for (const event of events) {
    assert.deepEqual(wrong(payload(event.type), event), [], JSON.stringify(event))
    assert.ok(document.channels.stream.messages[event.type] && document.channels.exchange.messages[event.type])
  }
  const verbs = new Set(events.filter(({ type }) => type.startsWith('workspace.')).map(({ type }) => type.split('.')[1]))
  assert.deepEqual([...verbs].sort(), ['created', 'deleted', 'purged', 'restored', 'updated'])
  for (const type of ['webhook.disabled', 'user.denied']) assert.ok(events.some((event) => event.type === type), type)
})

await step('what is not so is not valid', () => {
  const created = events.find(({ type }) => type === 'workspace.created')
  const { request_id: _, ...without } = created
  const after = (change) => ({ ...created, after: { ...created.after, ...change } })
  for (const other of [
    without,
    { ...created, type: 'workspace.purged' },
    { ...created, before: created.after },
    { ...created, after: null },
    after({ type: 'user' }),
    after({ status: 'gone' }),
    after({ attributes: { ...created.after.attributes, place: ['Zürich', 8001, 'more'] } }),
    after({ attributes: { ...created.after.attributes, contact: '' } }),
  ]) {
    assert.notDeepEqual(wrong(payload('workspace.created'), other), [], JSON.stringify(other))
  }
})

await step(`${messages.length} messages of a webhook are as the channel says`, () => {
  assert.ok(messages.length > 2)
  for (const { headers, body } of messages) {
    const message = JSON.parse(body)
    const { headers: { $ref }, payload } = document.channels.webhooks.messages[message.type]
    assert.deepEqual(wrong(`/channels/webhooks/messages/${message.type}/payload`, message), [], body)
    assert.deepEqual(wrong($ref.slice(1), headers), [], JSON.stringify(headers))
    assert.equal(payload.properties.type.const, message.type)
  }
})
end()
