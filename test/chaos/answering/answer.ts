export function answerTo(text: string): string {
  return `aye: ${text}`
}
