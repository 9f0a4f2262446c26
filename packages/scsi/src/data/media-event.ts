import { u16be, u8 } from 'buffer-layout';
import { concatBytes } from '../bytes.ts';
import { bytes, flags, structure, type Structure } from '../structure.ts';

/** NOTIFICATION CLASS of events about the medium, the only one of our drives (MMC-6 table 305). */
const MEDIA_CLASS = 0x4;

/** Bit of the media class in NOTIFICATION CLASS REQUEST and among the supported classes. */
export const MEDIA_CLASS_BIT: number = 1 << MEDIA_CLASS;

/** MEDIA EVENT (MMC-6 table 315): what has happened since the initiator asked last. */
export const MediaEvent = { NO_CHANGE: 0x0, EJECT_REQUEST: 0x1, NEW_MEDIA: 0x2, MEDIA_REMOVAL: 0x3 } as const;

interface EventHeader {
  EVENT_DATA_LENGTH: number;
  /** 1: none of the classes asked for is supported. */
  NEA: number;
  NOTIFICATION_CLASS: number;
  SUPPORTED_EVENT_CLASSES: number;
}

const eventHeader: Structure<EventHeader> = structure(4, [
  u16be('EVENT_DATA_LENGTH'),
  flags('NEA', 'RESERVED:4', 'NOTIFICATION_CLASS:3'),
  u8('SUPPORTED_EVENT_CLASSES'),
]);

/** A media event descriptor (MMC-6 table 314). */
export interface MediaStatus {
  /** One of {@link MediaEvent}. */
  MEDIA_EVENT: number;
  MEDIA_PRESENT: number;
  DOOR_OR_TRAY_OPEN: number;
}

const mediaDescriptor: Structure<MediaStatus> = structure(4, [
  flags('RESERVED:4', 'MEDIA_EVENT:4'),
  flags('RESERVED:6', 'MEDIA_PRESENT', 'DOOR_OR_TRAY_OPEN'),
  bytes(2),
]);

/** The answer of GET EVENT STATUS NOTIFICATION; without a status none of the classes asked for is supported. */
export function buildMediaEvent(status: MediaStatus | undefined): Uint8Array<ArrayBuffer> {
  if (status === undefined) return eventHeader.encode({ NEA: 1, SUPPORTED_EVENT_CLASSES: MEDIA_CLASS_BIT });
  const header = eventHeader.encode({
    EVENT_DATA_LENGTH: mediaDescriptor.spanBytes,
    NOTIFICATION_CLASS: MEDIA_CLASS,
    SUPPORTED_EVENT_CLASSES: MEDIA_CLASS_BIT,
  });
  return concatBytes([header, mediaDescriptor.encode(status)]);
}

/** Reads the answer of GET EVENT STATUS NOTIFICATION; undefined when it tells nothing of the medium. */
export function parseMediaEvent(data: Uint8Array): MediaStatus | undefined {
  const { NEA, NOTIFICATION_CLASS } = eventHeader.decode(data);
  if (NEA === 1 || NOTIFICATION_CLASS !== MEDIA_CLASS || data.length < 8) return undefined;
  return mediaDescriptor.decode(data, eventHeader.spanBytes);
}
