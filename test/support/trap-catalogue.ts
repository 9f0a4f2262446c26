/**
 * What real initiators expect and where other targets fell, each with a number that sources and test names cite. L is
 * login and session, K keepalive and flow, W Windows, V VMware ESXi, N Linux, QEMU, boot loaders and others.
 */
export const trapCatalogue: Readonly<Record<string, string>> = {
  'T-L1': 'CHAP_A is a list: any order, unknown entries ignored, the strongest allowed one chosen.',
  'T-L2': 'CHAP challenges and responses come in hex or base64, up to 1024 bytes.',
  'T-L3':
    'Some initiators never answer or propose optional keys. Declare and go on, never wait for an answer.',
  'T-L4': 'CHAP algorithms have the numbers IANA gave them; one known target announces 7 for SHA-1.',
  'T-L5': 'An InitiatorName that is sent again, unchanged, in a later login PDU is accepted.',
  'T-L6': 'A FirstBurstLength out of range is no reason to fail a login where the key does not matter.',
  'T-L7': 'TargetPortalGroupTag stands in the first login response that can carry it.',
  'T-L8':
    'Login responses echo the ISID, the last one gives the TSIH, StatSN moves on, unknown keys are NotUnderstood.',
  'T-L9': 'Initiators come back with the same ISID: the old session is pinged, then reinstated, not refused.',
  'T-L10': 'Some initiators leave out SessionType: it is Normal then.',
  'T-L11': 'SendTargets answers with an address the client can reach, whatever the portal was bound to.',
  'T-L12': 'Boot loaders follow a redirect at login by TargetAddress.',
  'T-K1':
    'iPXE never answers a NOP-In. Any PDU counts as life, and only an initiator that has answered is pinged to death.',
  'T-K2':
    'A ping has a valid target transfer tag; a NOP-In without one asks for no answer. Neither advances StatSN.',
  'T-K3':
    'A stall of five seconds is an outage: long commands yield, a NOP-Out is answered whatever else runs.',
  'T-K4':
    'After an abort open-iscsi answers no R2T: the wait ends with the task, and late Data-Out is tolerated.',
  'T-K5': 'A new R2T is not sent for every Data-Out, and never more of them than MaxOutstandingR2T.',
  'T-K6': 'Windows may send a wrong LUN in Data-Out: its tags name the task, the LUN does not.',
  'T-K7':
    'A Reject carries all 48 bytes of the header; one immediate task management request is always accepted.',
  'T-K8': 'A CmdSN outside the window is ignored in silence; a wrong DataSN fails the command.',
  'T-K9': 'CRC32C goes on the wire low byte first. Only the example bytes of the RFC say so.',
  'T-K10': 'An initiator pings with immediate NOP-Outs: one known target does not advance CmdSN for others.',
  'T-W1': 'Windows setup wants an NAA designator in VPD page 83, WinPE after iPXE a SCSI name string.',
  'T-W2': 'Cluster validation wants registrations that agree from every node at once and outlive sessions.',
  'T-W3': 'Target port group states are the same on every path.',
  'T-W4': 'Thin provisioning is believed only with VPD B0 and B2, GET LBA STATUS and log page 0Ch.',
  'T-W5':
    'Old Windows asks for mode page 0: the page is empty. Write protection is enforced, not only reported.',
  'T-W6': 'Blocks of 512 bytes over a granularity of 4096 are slow unless the physical block size says so.',
  'T-V1': 'COMPARE AND WRITE is right or absent.',
  'T-V2':
    'ABORT TASK for a command that has finished is complete: “task does not exist” makes ESXi reset the target.',
  'T-V3': 'VMFS formatting needs RESERVE(6); discovery needs VPD pages 83 and 86.',
  'T-V4': 'ESXi and Hyper-V look at the first eight characters of the T10 identifier only.',
  'T-V5': 'A TEST UNIT READY that announces data is a command without data and a residual.',
  'T-V6': 'REPORT LUNS honours SELECT REPORT, counts its list in bytes and answers 16 bytes at least.',
  'T-V7': 'The UNMAP alignment is an offset; the granularity copied into it staggers every request.',
  'T-V8': 'ESXi trusts what one path says of all ports.',
  'T-N1': 'Without a readable caching mode page Linux assumes write-through and never flushes.',
  'T-N2': 'Linux unmaps only with LBPME, VPD B2 and B0 together, and sends huge WRITE SAMEs without a limit.',
  'T-N3': 'A change of the LUN inventory reaches open-iscsi only as an asynchronous message.',
  'T-N4': 'A resize raises CAPACITY DATA HAS CHANGED on every nexus.',
  'T-N5': 'MaxCmdSN is the brake; BUSY and TASK SET FULL are not.',
  'T-N6':
    'iPXE proposes ImmediateData=No and one outstanding R2T, and sends TEST UNIT READY up to ten times.',
  'T-N7': 'Solaris retries a communication failure only as NOT READY.',
  'T-N8': 'Old guests send REZERO UNIT and SEEK.',
  'T-N9':
    'Two disks with one identity destroy data. The identity is random, born with the disk and kept with it.',
  'T-N10': 'An initiator keeps to the transfer limit of VPD B0, and to 512 KiB where there is none.',
};
