import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const libraries = '/usr/lib/x86_64-linux-gnu/janus'
const otherPlugins = [
  ...['audiobridge', 'duktape', 'echotest', 'lua', 'nosip', 'recordplay'],
  ...['sip', 'streaming', 'textroom', 'videocall', 'voicemail'],
]
const otherTransports = ['http', 'mqtt', 'nanomsg', 'pfunix', 'rabbitmq']

const libraryList = (names: readonly string[]): string => names.map((name) => `libjanus_${name}.so`).join(',')

/**
 * A folder from which janus runs the videoroom alone, ICE-lite like the server beside it. Signalling is on loopback; its
 * media sockets are on the machine's IPv4 addresses, as it takes no loopback ones. libnice sends by the interface of such an
 * address alone (`IP_UNICAST_IF`), so it never answers peers on 127.0.0.0/8: they have to come from one of these addresses.
 */
export function writeJanusConfig(folder: string, port: number): void {
  mkdirSync(folder, { recursive: true })
  const general = `configs_folder = "${folder}"
  plugins_folder = "${libraries}/plugins"
  transports_folder = "${libraries}/transports"
  events_folder = "${libraries}/events"
  loggers_folder = "${folder}"
  debug_level = 2`
  write('janus', {
    general,
    nat: 'ice_lite = true',
    media: 'ipv6 = false',
    plugins: `disable = "${libraryList(otherPlugins)}"`,
    transports: `disable = "${libraryList(otherTransports)}"`,
  })
  write('janus.transport.websockets', {
    general: `json = "compact"\n  ws = true\n  ws_port = ${port}\n  ws_ip = "127.0.0.1"\n  wss = false`,
    admin: 'admin_ws = false',
  })
  write('janus.plugin.videoroom', { general: '' })

  function write(name: string, sections: Record<string, string>): void {
    const text = Object.entries(sections).map(([section, body]) => `${section}: {\n  ${body}\n}\n`)
    writeFileSync(join(folder, `${name}.jcfg`), text.join(''))
  }
}
