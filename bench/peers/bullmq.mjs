// Sends one signed message for each job of a BullMQ queue, on a redis-server of its own: `npm install bullmq ioredis`.
//   bullmq.mjs NODE_MODULES FOLDER BODY-FILE URL COUNT
import { spawn } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import http from 'node:http'
import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'

const [modules, folder, file, url, count] = process.argv.slice(2)
const { Queue, Worker } = createRequire(`${modules}/`)('bullmq')
const body = readFileSync(file, 'utf8')
const key = Buffer.from('AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=', 'base64')
const CONCURRENCY = 64

// Written to the disk each second, as its documentation advises for queues.
const socket = `${folder}/redis.sock`
const settings = ['--port', '0', '--unixsocket', socket, '--dir', folder, '--appendonly', 'yes', '--appendfsync', 'everysec', '--save', '']
const redis = spawn('redis-server', settings, { stdio: 'ignore' })
process.on('exit', () => redis.kill())
redis.on('error', () => {
  console.error('bullmq: there is no redis-server; apt-get install --no-install-recommends redis-server')
  process.exit(1)
})
await sleep(500)

const connection = { path: socket, maxRetriesPerRequest: null }
const agent = new http.Agent({ keepAlive: true, maxSockets: CONCURRENCY })

const send = (id) =>
  new Promise((resolve, reject) => {
    const at = Math.floor(Date.now() / 1000)
    const signature = createHmac('sha256', key).update(`${id}.${at}.${body}`).digest('base64')
    const headers = {
      'content-type': 'application/json', 'content-length': Buffer.byteLength(body), 'webhook-id': id,
      'webhook-timestamp': at, 'webhook-signature': `v1,${signature}`,
    }
    const request = http.request(url, { method: 'POST', agent, headers }, (answer) => {
      answer.resume().on('end', () => (answer.statusCode < 300 ? resolve() : reject(new Error(`${answer.statusCode}`))))
    })
    request.on('error', reject).end(body)
  })

const queue = new Queue('webhooks', { connection })
for (let from = 0; from < Number(count); from += 1000) {
  const length = Math.min(1000, Number(count) - from)
  await queue.addBulk(Array.from({ length }, (_, at) => ({ name: 'send', data: { id: `evt_${from + at}`, body }, opts: { attempts: 10 } })))
}
let left = Number(count)
await new Promise((resolve) => {
  const worker = new Worker('webhooks', async (job) => send(job.data.id), { connection, concurrency: CONCURRENCY })
  worker.on('completed', () => --left === 0 && resolve())
})
process.exit(0)
