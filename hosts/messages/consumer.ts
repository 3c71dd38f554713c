/** Where received messages go. A message stays in the device's inbox until its consumer has it. */

import type { DeviceId } from '../../core/ids.ts'
import type { ReceivedMessage } from '../whatsapp/received-message.ts'

export interface Consumer {
  /** Resolves when it has the messages: then they are forgotten here. They come in the order in which they were received,
   *  at least once: after a crash, and after a rejection, again under the same ids. */
  take(device: DeviceId, messages: readonly ReceivedMessage[]): Promise<void>
}

/** Messages are counted elsewhere and dropped here. */
export const droppingConsumer: Consumer = { take: async () => undefined }
