"""Debian's `glewlwyd`, which others wrote, as a peer of `identity --peer-glewlwyd`: clients get tokens, somebody signs in.

Becomes the server itself, so that its process is the one that is measured; what it needs is made by a child, which ends.
Needs: apt-get install --no-install-recommends glewlwyd, openssl.
"""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request

SCHEMA = '/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3'
MODULES = '/usr/lib/glewlwyd'
KEYS = {
    'RS256': ('rsa', '256', ['RSA', '-pkeyopt', 'rsa_keygen_bits:2048']),
    'ES256': ('ecdsa', '256', ['EC', '-pkeyopt', 'ec_paramgen_curve:P-256']),
    'EdDSA': ('eddsa', '256', ['ED25519']),
}
folder, address_file = sys.argv[1:]
data = os.path.join(folder, 'glewlwyd')


def prepare(port):
    """Makes the database and the configuration; answers the configuration's path."""
    os.makedirs(os.path.join(data, 'static'))
    # It has no such endpoints, but it serves files.
    for name in ('livez', 'readyz'):
        open(os.path.join(data, 'static', name), 'w').close()
    with open(SCHEMA, encoding='utf-8') as schema, sqlite3.connect(os.path.join(data, 'database')) as database:
        database.executescript(schema.read())
    path = os.path.join(data, 'configuration')
    with open(path, 'w', encoding='utf-8') as configuration:
        configuration.write(f'''
port = {port}
bind_address = "127.0.0.1"
external_url = "http://127.0.0.1:{port}/"
login_url = "login.html"
api_prefix = "api"
static_files_path = "{data}/static"
log_mode = "console"
log_level = "ERROR"
session_key = "session"
admin_scope = "g_admin"
profile_scope = "g_profile"
user_module_path = "{MODULES}/user"
client_module_path = "{MODULES}/client"
user_auth_scheme_module_path = "{MODULES}/scheme"
plugin_module_path = "{MODULES}/plugin"
hash_algorithm = "SHA512"
database = {{ type = "sqlite3", path = "{data}/database" }}
''')
    return path


def openssl(*arguments, stdin=None):
    return subprocess.run(['openssl', *arguments], input=stdin, capture_output=True, check=True, text=True).stdout


def plugin(address, algorithm):
    kind, size, options = KEYS[algorithm]
    private = openssl('genpkey', '-algorithm', *options)
    flows = ['code', 'token', 'implicit', 'none', 'password', 'device', 'refresh']
    return {
        'module': 'oidc',
        'name': algorithm,
        'display_name': algorithm,
        'parameters': {
            'iss': f'http://{address}',
            'jwt-type': kind,
            'jwt-key-size': size,
            'key': private,
            'cert': openssl('pkey', '-pubout', stdin=private),
            'access-token-duration': 600,
            'refresh-token-duration': 600,
            'code-duration': 600,
            'allow-non-oidc': True,
            'auth-type-client-enabled': True,
            **{f'auth-type-{flow}-enabled': False for flow in flows},
        },
    }


def set_up(address):
    """Makes the scope, for each algorithm a provider, the client and the user, over the admin's API."""
    session = ''

    def post(path, body):
        headers = {'content-type': 'application/json', 'cookie': session}
        request = urllib.request.Request(f'http://{address}/api/{path}', json.dumps(body).encode(), headers)
        try:
            return urllib.request.urlopen(request, timeout=30)
        except urllib.error.HTTPError as error:
            raise RuntimeError(f'{path}: {error} {error.read().decode()}') from error

    # The account that its schema makes; its password has a hash of old, of a few iterations, so it is not what is measured.
    signed_in = post('auth/', {'username': 'admin', 'password': 'password'})
    session = signed_in.headers['set-cookie'].split(';')[0]
    post('scope/', {'name': 'api', 'display_name': 'api', 'password_required': True})
    for algorithm in KEYS:
        post('mod/plugin/', plugin(address, algorithm))
    post('client/?source=database', {
        'client_id': 'client',
        'name': 'client',
        'enabled': True,
        'confidential': True,
        # Kept as it is. A `password` would be kept by PBKDF2 and hashed for each token.
        'client_secret': 'a-long-secret-of-a-client',
        'scope': ['api'],
        'authorization_type': ['client_credentials'],
        'token_endpoint_auth_method': ['client_secret_post'],
        'redirect_uri': [],
    })
    post('user/?source=database', {
        'username': 'ada',
        'name': 'Ada',
        'password': 'a long good password',
        'enabled': True,
        'scope': ['g_profile'],
    })
    with open(address_file, 'w', encoding='utf-8') as file:
        file.write(f'{address}\n')


def wait_for(port):
    deadline = time.monotonic() + 30
    while True:
        try:
            return socket.create_connection(('127.0.0.1', port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


with socket.create_server(('127.0.0.1', 0)) as free:
    port = free.getsockname()[1]
configuration = prepare(port)
server = os.getpid()
if os.fork() == 0:
    try:
        wait_for(port)
        set_up(f'127.0.0.1:{port}')
    except BaseException:
        os.kill(server, signal.SIGKILL)
        raise
else:
    os.execvp('glewlwyd', ['glewlwyd', '--config-file', configuration])
