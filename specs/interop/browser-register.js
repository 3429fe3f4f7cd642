'use strict';
// Registers a user by JsSIP in a page of Chromium, reloads the page, which registers again, then unregisters.
//
//   node browser-register.js URL AOR PASSWORD
//   node browser-register.js ws://127.0.0.1:5066 sip:daveh@example.com s3cret
//
// The page keeps its instance id in its local storage, as web phones do: after a reload it is the same phone at another
// address. What happens is printed as JSON lines on stdout:
//
//   {"event":"registered","load":1,"status":200,"contacts":[…]}     load 2 is after the reload
//   {"event":"unregistered","load":2,"status":200}
//   {"event":"refused","load":1,"status":403,"reason":…}            status 0: no answer, or the connection failed
//
// Each "registered" waits for a line on stdin before it goes on. The exit code is 0 after "unregistered", 1 after "refused" and
// when Chromium fails, 2 for wrong usage.

const fs = require('node:fs');
const http = require('node:http');
const os = require('node:os');
const path = require('node:path');
const readline = require('node:readline');
const {buildSync} = require('esbuild');
const {chromium} = require('playwright-core');

const [url, aor, password] = process.argv.slice(2);
if (!password) {
  console.error('usage: node browser-register.js URL AOR PASSWORD');
  process.exit(2);
}

const say = (line) => console.log(JSON.stringify(line));

// bundle makes one script of JsSIP and what it needs.
function bundle() {
  const {outputFiles: [file]} = buildSync({
    stdin: {contents: 'module.exports = require("jssip")', resolveDir: __dirname},
    bundle: true, platform: 'browser', format: 'iife', globalName: 'JsSIP', write: false, logLevel: 'warning',
  });
  return file.text;
}

// serve serves the page from 127.0.0.1: a page without an origin has no local storage.
async function serve(script) {
  const server = http.createServer((req, res) => {
    const [type, body] = req.url === '/jssip.js' ?
      ['text/javascript', script] :
      ['text/html', '<!doctype html><title>phone</title><script src="/jssip.js"></script>'];
    res.writeHead(200, {'Content-Type': `${type}; charset=utf-8`}).end(body);
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  return server;
}

// register runs in the page: it starts the phone and resolves to how its first REGISTER ended.
function register({url, aor, password}) {
  localStorage.instance ??= crypto.randomUUID();
  window.phone = new JsSIP.UA({
    sockets: [new JsSIP.WebSocketInterface(url)],
    uri: aor,
    password,
    register_expires: 600,
    instance_id: localStorage.instance,
  });
  return new Promise((done) => {
    const refused = (status, reason) => done({event: 'refused', status, reason});
    window.phone.on('disconnected', ({reason}) => refused(0, reason ?? 'disconnected'));
    window.phone.on('registrationFailed', ({response, cause}) => refused(response?.status_code ?? 0, response?.reason_phrase ?? cause));
    window.phone.on('registered', ({response}) =>
      done({event: 'registered', status: response.status_code, contacts: response.getHeaders('Contact')}));
    window.phone.start();
  });
}

// unregister runs in the page.
function unregister() {
  return new Promise((done) => {
    window.phone.on('unregistered', ({response}) => done({event: 'unregistered', status: response?.status_code ?? 0}));
    window.phone.unregister();
  });
}

async function main(page, go) {
  for (let load = 1; load <= 2; load++) {
    await (load === 1 ? page.goto(`http://127.0.0.1:${server.address().port}/`) : page.reload());
    const result = await page.evaluate(register, {url, aor, password});
    say({load, ...result});
    if (result.event === 'refused') return 1;
    await go();
  }
  say({load: 2, ...await page.evaluate(unregister)});
  return 0;
}

let server;
(async () => {
  const lines = readline.createInterface({input: process.stdin})[Symbol.asyncIterator]();
  const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'chromium-'));
  server = await serve(bundle());
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'],
  });
  try {
    process.exitCode = await main(await browser.newPage(), () => lines.next());
  } finally {
    await browser.close();
    server.close();
    fs.rmSync(profile, {recursive: true, force: true});
    process.stdin.destroy();
  }
})().catch((err) => {
  console.error(err);
  process.exit(1);
});
