'use strict';
// A registrar of twenty lines on drachtio-srf, the reference client of the drachtio control protocol.
//
//   node app.js connect HOST:PORT SECRET    connects to the control port of a server
//   node app.js listen SECRET               waits for a server to connect, on a free port of 127.0.0.1
//
// It knows one user, daveh with password s3cret, challenges REGISTERs without credentials, and answers 200 or 403 to the
// others. What happens is printed as JSON lines on stdout:
//
//   {"event":"listening","port":…}            listen only
//   {"event":"connected","addresses":…}       the server took the secret
//   {"event":"refused"}                       it did not
//   {"event":"register","protocol":…,"source":…,"transaction":…}
//   {"event":"sent","status":…,"to":…}        the server's own report of the response it sent
//   {"event":"notSent","error":…}
//
// It ends when its stdin ends.

const crypto = require('node:crypto');
const net = require('node:net');
const Srf = require('drachtio-srf');

const users = {daveh: 's3cret'};
const nonce = crypto.randomUUID();
const say = (line) => console.log(JSON.stringify(line));
const md5 = (...parts) => crypto.createHash('md5').update(parts.join(':')).digest('hex');

function authorized(header) {
  const value = (name) => new RegExp(`[ ,]${name}="?([^",]*)`).exec(header)?.[1];
  const ha1 = md5(value('username'), value('realm'), users[value('username')]);
  const ha2 = md5('REGISTER', value('uri'));
  const response = md5(ha1, value('nonce'), value('nc'), value('cnonce'), value('qop'), ha2);
  return value('nonce') === nonce && value('response') === response;
}

function register(req, res) {
  const {protocol, source_address: address, source_port: port, stackTxnId: transaction} = req;
  say({event: 'register', protocol, source: `${address}:${port}`, transaction});
  const sent = (err, response) => say(err ?
    {event: 'notSent', error: err.message} :
    {event: 'sent', status: response.status, to: response.get('to')});

  if (!req.has('Authorization')) {
    const realm = /@([^>;:]+)/.exec(req.get('To'))[1];
    const challenge = `Digest realm="${realm}", algorithm=MD5, qop="auth", nonce="${nonce}"`;
    return res.send(401, {headers: {'WWW-Authenticate': challenge}}, sent);
  }
  if (!authorized(req.get('Authorization'))) return res.send(403, {}, sent);
  if (req.get('Expires') === '0' || /expires=0/.test(req.get('Contact'))) return res.send(200, {}, sent);
  res.send(200, {headers: {Contact: `${req.get('Contact').split(';expires')[0]};expires=60`, Expires: 60}}, sent);
}

const srf = new Srf();
srf.register(register);
srf.on('connect', (err, addresses) => say(err ? {event: 'refused'} : {event: 'connected', addresses}));
srf.on('error', (err) => say({event: 'error', error: err.message}));

const [mode, ...rest] = process.argv.slice(2);
if (mode === 'connect') {
  const [, host, port] = /^(.*):(\d+)$/.exec(rest[0]);
  srf.connect({host, port: Number(port), secret: rest[1]});
} else if (mode === 'listen') {
  const server = net.createServer();
  server.listen(0, '127.0.0.1', () => say({event: 'listening', port: server.address().port}));
  srf.listen({server, secret: rest[0]});
} else {
  console.error('usage: node app.js connect HOST:PORT SECRET | node app.js listen SECRET');
  process.exit(2);
}

process.stdin.resume().on('end', () => process.exit(0));
