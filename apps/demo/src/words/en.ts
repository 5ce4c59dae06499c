/** The texts of the demo itself; those of the messenger come with its components. */
export const en = {
  tagline: 'Two people, one conversation',
  theme: { label: 'Theme', auto: 'Automatic', light: 'Light', dark: 'Dark' },
  switchLanguage: '切换到中文',
  reference: 'API reference',
  openMeeting: 'Open the meeting',
  openAlone: 'Open in its own window',
  conversations: 'Conversations',
  connecting: 'Connecting…',
  sessionFailed: 'No session could be opened.',
  sessionHint: 'The demo needs a Parley server in development mode on this machine: run “npm start”.',
}

export type Words = typeof en
