// Package redisstore keeps the bindings of addresses of record in Redis: one server, Sentinel or Redis Cluster.
//
// # What is stored
//
// Per address of record there is one hash, {K}:bindings, with everything the registrar knows: the version of the set, a
// JSON document of bindings and tombstones, and the token of the change that wrote it. Beside it stands the projection,
// the newest binding in the form that other programs read (see [Schema]), under the key K itself. The braces put both
// into one slot of a cluster. The projection is only ever written, never read: what an older registrar left there is
// replaced. When the newest binding expires while others live, [Store.KeepFallbacks] shows the next; the sorted set
// registrar:fallbacks:<schema> says of which AORs, and when.
//
// Per realm there is one sorted set, {prefix realm}:users, of the users that are registered, by the expiry of the last binding
// of each (rule 59). It is counted and changed together with the bindings; in a cluster, beside them.
//
// A second hash, {K}:nonces, remembers which nonces were used for the address of record, and how often: at most 16, for
// as long as the youngest lives.
//
// # Ordering
//
// One Lua script makes one change. It takes effect only while the stored version is the one that the decision was made
// on ([registration.ErrStale]) and while the deadline of the change has not passed by the clock of Redis ([registration.ErrLate]). Versions
// only grow, also past the expiry of the key, so that two writers never both win, wherever they run. Times are kept to
// the millisecond.
//
// # Replay
//
// Each use of a nonce is spent once ([registration.ErrReplay]), by the script that makes the change or, where nothing changes, by the
// one that reads: see nonce.lua.
//
// # Nonce keys
//
// One more hash, sbc-registrar:nonce-keys behind the prefix, holds the keys of the nonces for nodes that were given none (see [Store.NonceKeys]). They are
// no credentials: who reads them can make nonces, which are good for nothing without a password.
//
// # Budget, and what is in doubt
//
// A batch takes at most Options.Timeout, repetitions included: once after a lost or refused connection, a few times after an answer
// that says that the server could not do it at the moment, or that another has the key. Repeating a change is safe: the script
// knows the token of the change that it has already made, and says DUP.
//
// A change goes out with a deadline, its own or the end of the budget, whichever is sooner. When its connection breaks, Redis, or
// the network, may still carry it out until then. So a result that could not be found out by the second connection either is not
// told before: Do returns, for nobody else shall wait, and its settle asks again by the token until the deadline has passed. What
// certainly was not sent, and what the server itself refused, is told at once. See [registration.Status] for the results.
//
// A nonce that a read spends has no deadline: one that is spent for a client that was told 503 costs it a challenge at most.
//
// # Replicas
//
// With Options.WaitReplicas each pipeline with changes ends in a WAIT, on the master that has them: a change of which fewer
// replicas know in time is not confirmed (UNCONFIRMED). It is made all the same, and may be lost if the master is.
//
// # Clocks
//
// Deadlines are moments of this host; each reply of a server tells its time, and from these the store keeps an estimate,
// never too late, of what a deadline is there. The first change after a failover still rests on the clock of the old
// master, the only moment at which hosts must agree on the time.
//
// # What Redis must be like
//
// It must not evict keys (maxmemory-policy noeviction): with a tombstone goes what keeps an older REGISTER from coming back. Beyond
// maxmemory it goes on to take changes, because a script may finish what began by freeing memory.
//
// Changes succeed again within 5 s of the death of a master with "sentinel down-after-milliseconds" of at most 1500, and within
// 6 s with a "cluster-node-timeout" of at most 1500: what the store itself adds is a fraction of a second. After a plain restart
// it is as soon as Redis answers.
//
// # Threading, closing, secrets
//
// A Store is safe for concurrent use. Who opened it closes it, after the last operation and its settle have returned. Errors and the
// printed form of Options hold no password; contacts and addresses of record may stand in errors.
//
// # Rights
//
// An ACL user needs the keys that begin with the prefix or with a brace and the prefix, and +evalsha +eval +time +hmget
// +hgetall +hset +hdel +del +set +expire +pexpire +pttl +zadd +zrem +zremrangebyscore +zrangebyscore +zscore +zcount +scan
// +ping; in a cluster +cluster|slots as well, and with WaitReplicas +wait. A [Blacklist] needs its two keys, and +sadd +srem.
package redisstore
