import type { ModeStore } from '../mode/mode-store.ts';
import type { ProtectionSettings } from './protected-device.ts';

/** What the mode pages say of protection information; they are asked each time, as initiators change them. */
export function protectionSettings(modes: () => ModeStore): ProtectionSettings {
  return {
    get applicationTagOwned() {
      return modes().applicationTagOwned;
    },
    get plainChecksDisabled() {
      return modes().plainChecksDisabled;
    },
  };
}
