/** Defines a consumer, which takes received messages for the application. A message stays in its device's
 *  inbox until the consumer has it. */

import type { DeviceId } from '../../core/ids.ts'
import type { ReceivedMessage } from '../whatsapp/received-message.ts'

export interface Consumer {
  /** Resolves when the consumer has the messages: the inbox then forgets them. Messages come in the order in
   *  which they were received, at least once. After a crash or a rejection they come again under the same
   *  ids. */
  take(device: DeviceId, messages: readonly ReceivedMessage[]): Promise<void>
}

/** Drops every message. They are counted elsewhere. */
export const droppingConsumer: Consumer = { take: async () => undefined }
