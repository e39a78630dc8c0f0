/** What the tests of an application want that embeds Rekey: no mail server, no database server, no waiting. */

export { timePasses } from "../sql/timePasses.ts"
export { Mailbox } from "./Mailbox.ts"
export { embeddedDatabase, fastHasher, startTestRekey, type TestRekey, testVariables } from "./startTestRekey.ts"
