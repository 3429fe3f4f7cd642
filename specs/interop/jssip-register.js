'use strict';
// Registers a user by JsSIP over a WebSocket, then unregisters.
//
//   node jssip-register.js URL AOR PASSWORD [EXPIRES]
//   node jssip-register.js ws://127.0.0.1:5066 sip:daveh@example.com s3cret 600
//
// What happens is printed as JSON lines on stdout:
//
//   {"event":"connected"}
//   {"event":"registered","status":200,"contact":…,"expires":…}
//   {"event":"unregistered","status":200}
//   {"event":"refused","status":403,"reason":…}     status 0: no answer, or the connection failed
//
// The user stays registered (and is refreshed by JsSIP) until stdin ends. The exit code is 0 after "unregistered", 1 after
// "refused", 2 for wrong usage.

const JsSIP = require('jssip');
global.WebSocket = require('ws'); // what a browser has; Node 20 has none

const [url, aor, password, expires = '600'] = process.argv.slice(2);
if (!password) {
  console.error('usage: node jssip-register.js URL AOR PASSWORD [EXPIRES]');
  process.exit(2);
}

const say = (line) => console.log(JSON.stringify(line));

const ua = new JsSIP.UA({
  sockets: [new JsSIP.WebSocketInterface(url)],
  uri: aor,
  password,
  register_expires: Number(expires),
});

// end stops JsSIP and leaves: its timers and a socket that never opened would keep Node running.
function end(code) {
  ua.removeAllListeners();
  ua.stop();
  process.exitCode = code;
  setImmediate(() => process.exit());
}

function refused(status, reason) {
  say({event: 'refused', status, reason});
  end(1);
}

ua.on('connected', () => say({event: 'connected'}));
ua.on('disconnected', ({reason}) => refused(0, reason ?? 'disconnected'));
ua.on('registrationFailed', ({response, cause}) => refused(response?.status_code ?? 0, response?.reason_phrase ?? cause));
ua.on('unregistered', ({response, cause}) => {
  if (cause) return refused(response?.status_code ?? 0, response?.reason_phrase ?? cause);
  say({event: 'unregistered', status: response?.status_code ?? 0});
  end(0);
});
ua.once('registered', ({response}) => {
  const contacts = response.getHeaders('Contact');
  const granted = /;expires=(\d+)/i.exec(contacts.join(','))?.[1] ?? response.getHeader('Expires');
  say({event: 'registered', status: response.status_code, contact: contacts.join(', '), expires: Number(granted)});
  process.stdin.resume().on('end', () => ua.unregister());
});

ua.start();
