// The npm package `oidc-provider`, which others wrote, as a peer of `identity --peer`: clients get tokens by their secrets.
import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { join } from 'node:path'

const [modules, addressFile] = process.argv.slice(2)
const require = createRequire(join(modules, 'x.js'))
const { Provider } = await import(pathToFileURL(require.resolve('oidc-provider')))
const jwk = (type, options, alg) => ({ ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }), alg, use: 'sig', kid: alg })
const keys = [jwk('rsa', { modulusLength: 2048 }, 'RS256'), jwk('ec', { namedCurve: 'P-256' }, 'ES256'), jwk('ed25519', {}, 'EdDSA')]
const server = createServer((request, response) =>
  ['/livez', '/readyz'].includes(request.url) ? response.end('ok') : answer(request, response),
)
await new Promise((listening) => server.listen(0, '127.0.0.1', listening))
const address = `127.0.0.1:${server.address().port}`
const provider = new Provider(`http://${address}`, {
  jwks: { keys },
  clients: keys.map(({ alg }) => ({
    client_id: alg,
    client_secret: 'a-long-secret-of-a-client',
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
    token_endpoint_auth_method: 'client_secret_post',
  })),
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => 'urn:api',
      getResourceServerInfo: (_context, _resource, client) => ({
        scope: 'admin',
        accessTokenFormat: 'jwt',
        accessTokenTTL: 600,
        jwt: { sign: { alg: client.clientId } },
      }),
    },
  },
})
const answer = provider.callback()
writeFileSync(addressFile, `${address}\n`)
