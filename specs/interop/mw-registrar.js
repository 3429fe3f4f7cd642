'use strict';
// Reads registrations by @jambonz/mw-registrar, with which the other servers of a jambonz deployment read them.
//
//   node mw-registrar.js PORT REALM AOR…
//   node mw-registrar.js 6379 example.com daveh@example.com
//
// What it finds in the Redis at that port of 127.0.0.1 is printed as one JSON line on stdout:
//
//   {"count":1,"total":1,"users":["daveh"],"details":[{…}],"queries":{"daveh@example.com":{…}}}
//
// count, users and details are of the realm, total is of all realms. A query of an address that is not registered is null. The
// exit code is 0, 1 when the library reports an error, 2 for wrong usage.

const Redis = require('ioredis');
const Registrar = require('@jambonz/mw-registrar');

const [port, realm, ...aors] = process.argv.slice(2);
if (aors.length === 0) {
  console.error('usage: node mw-registrar.js PORT REALM AOR…');
  process.exit(2);
}

function failed(...args) {
  console.error(...args);
  process.exitCode = 1;
}

(async () => {
  const client = new Redis({host: '127.0.0.1', port: Number(port), maxRetriesPerRequest: 1});
  client.on('error', failed);
  const registrar = new Registrar({info: () => {}, debug: () => {}, error: failed}, client);
  const queries = {};
  for (const aor of aors) queries[aor] = await registrar.query(aor);
  console.log(JSON.stringify({
    count: await registrar.getCountOfUsers(realm),
    total: await registrar.getCountOfUsers(),
    users: (await registrar.getRegisteredUsersForRealm(realm)).sort(),
    details: await registrar.getRegisteredUsersDetailsForRealm(realm),
    queries,
  }));
})().catch(failed).finally(() => process.exit()); // its timer would keep Node running
