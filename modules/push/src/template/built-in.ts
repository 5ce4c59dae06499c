export interface TemplateText {
  title: string
  body: string
}

/** By language tag. */
export type Languages = Readonly<Record<string, TemplateText>>

const kinds: Record<string, { en: string; zh: string }> = {
  text: { en: '{{message.text}}', zh: '{{message.text}}' },
  image: { en: '[Image] {{message.text}}', zh: '[图片] {{message.text}}' },
  file: { en: '[File] {{message.text}}', zh: '[文件] {{message.text}}' },
  voice: { en: '[Voice message]', zh: '[语音]' },
  video: { en: '[Video] {{message.text}}', zh: '[视频] {{message.text}}' },
  location: { en: '[Location] {{message.text}}', zh: '[位置] {{message.text}}' },
  contact: { en: '[Contact] {{message.text}}', zh: '[名片] {{message.text}}' },
  sticker: { en: '[Sticker] {{message.text}}', zh: '[表情] {{message.text}}' },
  'merged-forward': { en: '[Chat history] {{message.text}}', zh: '[聊天记录] {{message.text}}' },
  poll: { en: '[Poll] {{message.text}}', zh: '[投票] {{message.text}}' },
  packet: { en: '[Red packet] {{message.text}}', zh: '[红包] {{message.text}}' },
  custom: { en: '{{message.text}}', zh: '{{message.text}}' },
  other: { en: 'New message', zh: '新消息' },
}

/** What pushes say when the project has no template of the name. */
export function builtInTemplate(kind: string, inGroup: boolean): Languages {
  const { en, zh } = kinds[kind] ?? { en: 'New message', zh: '新消息' }
  if (!inGroup) {
    return { en: { title: '{{sender.name}}', body: en }, 'zh-CN': { title: '{{sender.name}}', body: zh } }
  }
  return {
    en: { title: '{{conversation.name}}', body: `{{sender.name}}: ${en}` },
    'zh-CN': { title: '{{conversation.name}}', body: `{{sender.name}}：${zh}` },
  }
}

/** For users who do not want their screen to tell what was said. */
export const hiddenTemplate: Languages = {
  en: { title: '{{sender.name}}', body: 'New message' },
  'zh-CN': { title: '{{sender.name}}', body: '新消息' },
}
