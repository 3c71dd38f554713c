/** A received message as an application gets it, for the tests of this room. */
export const MESSAGE = {
  messageId: 'ID-1',
  seq: 1,
  chat: '15550100101@s.whatsapp.net',
  from: '15550100101@s.whatsapp.net',
  person: '15550100101@s.whatsapp.net',
  fromMe: false,
  timestamp: 1_900_000_000_000,
  message: { conversation: 'ahoy' },
}
