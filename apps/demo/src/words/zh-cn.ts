import type { Words } from './en.ts'

export const zhCn: Words = {
  tagline: '两个人，一段对话',
  theme: { label: '主题', auto: '跟随系统', light: '浅色', dark: '深色' },
  switchLanguage: 'Switch to English',
  reference: 'API 文档',
  openMeeting: '打开会议',
  openAlone: '在单独窗口打开',
  conversations: '会话',
  connecting: '正在连接…',
  sessionFailed: '无法打开会话。',
  sessionHint: '演示需要本机以开发模式运行的 Parley 服务：请执行 npm start。',
}
