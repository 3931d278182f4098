// Ids for those who may not ask `ipc`.

export { attemptId, type AttemptId } from '$lib/ipc/brand';
