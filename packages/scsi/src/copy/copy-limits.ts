/** What the copy manager takes; the Third-party Copy VPD page and the operating parameters say the same. */

/** Most CSCD descriptors, and most segment descriptors, of an EXTENDED COPY parameter list. */
export const MAX_CSCD_DESCRIPTORS = 64;
export const MAX_SEGMENT_DESCRIPTORS = 64;

/** Both lists together: as much as so many descriptors of 32 and of 28 bytes take. */
export const MAX_DESCRIPTOR_LIST_BYTES: number = MAX_CSCD_DESCRIPTORS * 32 + MAX_SEGMENT_DESCRIPTORS * 28;

/** Copies that go on at the same time in one domain; each has a buffer of 1 MiB at most. */
export const MAX_CONCURRENT_COPIES = 32;

/** Copies whose results are kept for one nexus and unit. */
export const MAX_IDENTIFIED_COPIES = 32;

/** Most block device range descriptors of POPULATE TOKEN and WRITE USING TOKEN. */
export const MAX_RANGE_DESCRIPTORS = 64;

/** Most bytes of a ROD, and of one WRITE USING TOKEN. */
export const MAX_ROD_BYTES: number = 4 * 1024 * 1024 * 1024;

/** What ends well within the time that initiators wait for a token command. */
export const OPTIMAL_ROD_BYTES: number = 64 * 1024 * 1024;

/** How long a ROD token is good for without being used, unless POPULATE TOKEN says otherwise, and at most. */
export const DEFAULT_INACTIVITY_SECONDS = 60;
export const MAX_INACTIVITY_SECONDS = 600;

/** How long a ROD token is good for at all. */
export const TOKEN_LIFETIME_SECONDS = 3600;

/** ROD tokens that a domain remembers, those included that are not good any more; and those of one initiator port. */
export const MAX_TOKENS = 1024;
export const MAX_TOKENS_OF_PORT = 256;
