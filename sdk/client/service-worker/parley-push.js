/**
 * Shows pushes of Parley and opens what they are about. Host it beside your pages and register it, or import it
 * into a service worker of your own with importScripts. `?open=/chat/{conversationId}?message={messageId}` (encoded)
 * says where a tap leads; without it the page at the root opens with these names in its query.
 */
const openTemplate = new URL(self.location.href).searchParams.get('open')

self.addEventListener('push', (event) => {
  event.waitUntil(show(event.data))
})

self.addEventListener('notificationclick', (event) => {
  event.notification.close()
  event.waitUntil(open(event.notification.data))
})

async function show(data) {
  let push = {}
  try {
    push = data.json()
  } catch {
    // Browsers demand that something is shown for every push.
  }
  const { title = 'New message', body = '', tag, badge } = push
  await self.registration.showNotification(title, {
    body,
    data: push.data ?? {},
    ...(tag !== undefined && { tag, renotify: true }),
  })
  if (badge !== undefined && 'setAppBadge' in navigator) await navigator.setAppBadge(badge)
}

async function open(data) {
  const target = new URL(addressOf(data), self.registration.scope)
  if (target.origin !== self.location.origin) return
  const pages = await self.clients.matchAll({ type: 'window', includeUncontrolled: true })
  for (const page of pages) page.postMessage({ type: 'parley.push-opened', data })
  const [page] = pages
  if (page === undefined) await self.clients.openWindow(target.href)
  else await page.focus()
}

function addressOf(data) {
  if (openTemplate === null) return `./?${new URLSearchParams(data)}`
  return openTemplate.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(data[name] ?? ''))
}
