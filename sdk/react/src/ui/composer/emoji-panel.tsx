import { type KeyboardEvent, useEffect, useRef } from 'react'
import { useWords } from '../parts/ui-context.tsx'

const groups = {
  faces:
    '😀 😃 😄 😁 😆 😅 😂 🙂 🙃 😉 😊 😇 😍 😘 😋 😜 🤔 🤗 😎 🥳 😏 😐 😴 😌 😔 😢 😭 😤 😠 😡 😱 😨 😰 😳 🤯 🤒 🤧 😷 🥺 😬',
  hands: '👍 👎 👏 🙌 🙏 🤝 👋 ✋ 👌 ✌️ 🤞 💪 👀 🧠 👤 👥',
  things:
    '❤️ 🧡 💛 💚 💙 💜 🖤 💔 ✨ ⭐ 🔥 🎉 🎁 🎂 🏆 🚀 ☕ 🍵 🍜 🍎 🌞 🌙 🌧️ 🌈 🌸 🌲 🐶 🐱 🐼 🏠 🚗 ✈️ 💻 📱 📷 📎 📅 🔒 ✅ ❌ ⚠️ ❓ ❗ 💯',
} as const

const perRow = 8

/** Emoji to choose from; the arrow keys move in the grid. */
export function EmojiPanel(props: { first?: readonly string[]; onChoose: (emoji: string) => void }) {
  const words = useWords()
  const panel = useRef<HTMLDivElement>(null)
  useEffect(() => {
    panel.current?.querySelector<HTMLElement>('button')?.focus()
  }, [])
  const sections = [
    ...(props.first ? [{ key: 'often' as const, emoji: props.first }] : []),
    ...Object.entries(groups).map(([key, emoji]) => ({
      key: key as keyof typeof groups,
      emoji: emoji.split(' '),
    })),
  ]
  return (
    <div className="parley-emoji" ref={panel} onKeyDown={moveInGrid}>
      {sections.map(({ key, emoji }) => (
        <section key={key} aria-label={words.emojiGroups[key]}>
          <h3>{words.emojiGroups[key]}</h3>
          <div>
            {emoji.map((each) => (
              <button key={each} type="button" onClick={() => props.onChoose(each)}>
                {each}
              </button>
            ))}
          </div>
        </section>
      ))}
    </div>
  )
}

/** Arrow keys in a grid of buttons. */
export function moveInGrid(event: KeyboardEvent<HTMLElement>): void {
  const isRightToLeft = getComputedStyle(event.currentTarget).direction === 'rtl'
  const ahead = isRightToLeft ? -1 : 1
  const step = { ArrowRight: ahead, ArrowLeft: -ahead, ArrowDown: perRow, ArrowUp: -perRow }[event.key]
  if (step === undefined) return
  const all = [...event.currentTarget.querySelectorAll<HTMLElement>('button')]
  const now = all.indexOf(document.activeElement as HTMLElement)
  const next = all[now + step]
  if (!next) return
  event.preventDefault()
  next.focus()
}
