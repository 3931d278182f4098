// Why the wallet said no, for those who may not ask `ipc`.

export { explainTrouble, type Refused, type Trouble, type Way } from '$lib/ipc/refusals';
