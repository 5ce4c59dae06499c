import type { Setting, Settings } from '@parley/core/kernel'

const rooms: Record<string, string> = {
  kernel: 'The process',
  store: 'The database',
  http: 'REST',
  tls: 'TLS',
  gateway: 'Realtime connections',
  objects: 'Files',
  webhooks: 'Webhooks',
  identity: 'Users, devices and presence',
  chat: 'Chat',
  rtc: 'Audio and video',
  push: 'Push',
  moderation: 'Moderation',
}

/** Every limit and setting as Markdown: what docs/guides/limits.md holds below its introduction. */
export function settingsPage(introduction: string, settings: Readonly<Record<string, Settings>>): string {
  const sections = Object.entries(settings).map(([room, group]) =>
    [
      `## ${rooms[room] ?? room}`,
      '',
      '| Setting | Default | Meaning |',
      '|---|---|---|',
      ...Object.values(group).map(row),
    ].join('\n'),
  )
  return `${[introduction.trim(), ...sections].join('\n\n')}\n`
}

function row(setting: Setting): string {
  const meaning = setting.doc.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ')
  return `| \`${setting.env}\` | ${setting.defaultDoc ?? defaultText(setting.default)} | ${meaning} |`
}

function defaultText(value: unknown): string {
  if (value === undefined) return ''
  if (typeof value === 'number') return value >= 10_000 ? value.toLocaleString('en') : String(value)
  return `\`${String(value)}\``
}
