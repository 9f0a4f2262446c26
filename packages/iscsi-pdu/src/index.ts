/**
 * RFC 7143 (iSCSI) wire codec: every PDU in both directions, digests, a bounded stream framer, text keys
 * and serial numbers. Sans-I/O: bytes in, PDUs out. It imports no Node built-in and runs in a browser.
 *
 * Two ways lead to the same bytes: {@link decodePdu} and {@link encodePdu} work on any PDU as a plain
 * object; the functions under "hot headers", such as {@link readScsiCommand} and {@link writeDataIn}, read
 * and write the headers of the data path in place.
 *
 * @packageDocumentation
 */
export * from './opcodes.ts';
export * from './codes.ts';
export * from './initiator-pdus.ts';
export * from './target-pdus.ts';
export * from './pdu.ts';
export * from './pdu-error.ts';
export * from './bytes.ts';
export * from './hot/scsi-command.ts';
export * from './hot/scsi-response.ts';
export * from './hot/data-out.ts';
export * from './hot/data-in.ts';
export * from './hot/r2t.ts';
export * from './frame.ts';
export * from './serial.ts';
export * from './key-definition.ts';
export * from './keys.ts';
export * from './key-values.ts';
export * from './negotiate-key.ts';
export * from './framer.ts';
export * from './crc32c.ts';
export * from './text.ts';
export * from './text-assembler.ts';
export * from './codec.ts';
export * from './sense-segment.ts';
export * from './iscsi-name.ts';
export * from './describe.ts';
