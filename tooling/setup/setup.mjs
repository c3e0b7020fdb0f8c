/** `npm run setup`: installs and builds, runs nothing. */
import { prepareWorkspace } from './workspace.mjs';

prepareWorkspace();
console.log('\nReady. `npm start` runs a broker, `npm test` runs every check and test.');
