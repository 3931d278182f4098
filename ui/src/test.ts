// Before every unit test file: texts and figures are English unless a test says otherwise.

import { speak } from '$lib/messages';

await speak('en', 'latn');
