export interface EjabberdPorts {
  xmpp: number
  http: number
}

/**
 * No encryption, no shapers, an archive of every message, plain passwords, rooms without presence: nothing that
 * Parley does not do as well stands in the way of messages.
 */
export function ejabberdConfig({ xmpp, http }: EjabberdPorts, archive: boolean): string {
  return `hosts:
  - localhost
loglevel: error
listen:
  -
    port: ${xmpp}
    ip: "127.0.0.1"
    module: ejabberd_c2s
    max_stanza_size: 262144
    shaper: none
    access: all
    starttls: false
    backlog: 4096
  -
    port: ${http}
    ip: "127.0.0.1"
    module: ejabberd_http
    request_handlers:
      /api: mod_http_api
api_permissions:
  "load":
    from:
      - mod_http_api
    who: all
    what: "register"
auth_method: internal
auth_password_format: plain
modules:
${archive ? '  mod_mam:\n    default: always\n    assume_mam_usage: true\n' : ''}  mod_muc:
    access: all
    access_create: all
    max_users: 20000
    max_users_presence: 0
    max_user_conferences: 1000
    history_size: 0
    default_room_options:
${archive ? '      mam: true\n' : ''}      anonymous: false
      max_users: 20000
      presence_broadcast: []
  mod_stream_mgmt:
    max_ack_queue: infinity
    resume_timeout: 0
`
}
