// What a person is given to ask for help with, for those who may not ask `ipc`.

export { report, type Explained } from '$lib/ipc/errors';
