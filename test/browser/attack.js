/** The script of a hostile page: every way in which a page can send something, one after another. */
// biome-ignore lint/correctness/noUnusedVariables: page.ts calls it in the browser
async function attack({ url, body, headers }) {
  const seen = {}
  const read = async (way, init) => {
    seen[way] = await fetch(url, { ...init, signal: AbortSignal.timeout(5000) }).then(
      async (answer) =>
        answer.type === 'opaque' ? 'sent blindly' : `read ${answer.status} ${await answer.text()}`,
      () => 'failed',
    )
  }
  const loaded = (element) =>
    new Promise((resolve) => {
      element.onload = element.onerror = resolve
      setTimeout(resolve, 700)
    })
  await read('GET', {})
  await read('GET without CORS', { mode: 'no-cors' })
  await read('HEAD', { method: 'HEAD' })
  await read('POST', { method: 'POST', body })
  await read('POST of text without CORS', { method: 'POST', mode: 'no-cors', body })
  await read('POST of bytes without a type', { method: 'POST', mode: 'no-cors', body: new Blob([body]) })
  await read('POST with headers', { method: 'POST', body, headers })
  await read('POST with headers and credentials', { method: 'POST', body, headers, credentials: 'include' })
  await read('PUT', { method: 'PUT', body, headers })
  await read('DELETE', { method: 'DELETE' })
  await read('POST that outlives its page', { method: 'POST', mode: 'no-cors', body, keepalive: true })
  seen.beacon = navigator.sendBeacon(url, body) ? 'sent blindly' : 'failed'

  const image = new Image()
  image.src = url
  await loaded(image)
  for (const enctype of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
    const frame = document.createElement('iframe')
    frame.name = `frame-${enctype}`
    document.body.append(frame)
    const form = document.createElement('form')
    Object.assign(form, { method: 'POST', action: url, enctype, target: frame.name })
    const field = document.createElement('input')
    // As text/plain the form becomes the JSON itself: the `=` between name and value falls into a string.
    field.name = body.replace(/}$/, ',"ignored":"')
    field.value = '"}'
    form.append(field)
    document.body.append(form)
    form.submit()
    await loaded(frame)
  }

  seen.WebSocket = await new Promise((resolve) => {
    const socket = new WebSocket(url.replace('http', 'ws'))
    socket.onopen = () => resolve('opened')
    socket.onerror = () => resolve('failed')
  })
  return seen
}
