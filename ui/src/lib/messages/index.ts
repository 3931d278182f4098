// Every text of the window.

export { language, m, speak } from './current.svelte';
