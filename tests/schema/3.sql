-- Schema 3, with a message on its way to each of two domains.
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE courier (instance INTEGER PRIMARY KEY, seq INTEGER NOT NULL,
    heard INTEGER NOT NULL);
CREATE TABLE message (id INTEGER PRIMARY KEY, queued INTEGER NOT NULL, rcpts INTEGER NOT NULL,
    look INTEGER NOT NULL, expires INTEGER NOT NULL, received INTEGER NOT NULL,
    size INTEGER NOT NULL, flags INTEGER NOT NULL, class INTEGER NOT NULL, sender TEXT NOT NULL,
    client TEXT NOT NULL, account TEXT NOT NULL, envid TEXT NOT NULL, ret INTEGER NOT NULL,
    marks TEXT NOT NULL);
CREATE INDEX message_incoming ON message(id) WHERE queued = 0;
CREATE INDEX message_look ON message(look) WHERE queued = 1;
CREATE TABLE chunk (id INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE recipient (id INTEGER PRIMARY KEY, dest INTEGER NOT NULL, next INTEGER NOT NULL,
    attempts INTEGER NOT NULL, required INTEGER NOT NULL, reached INTEGER NOT NULL,
    address TEXT NOT NULL, last TEXT NOT NULL, notify INTEGER NOT NULL, orcpt TEXT NOT NULL,
    status TEXT NOT NULL, failure INTEGER NOT NULL, host TEXT NOT NULL, told INTEGER NOT NULL);
CREATE INDEX recipient_due ON recipient(dest, next);
CREATE TABLE destination (id INTEGER PRIMARY KEY, due INTEGER NOT NULL, queued INTEGER NOT NULL,
    failures INTEGER NOT NULL, required INTEGER NOT NULL, class INTEGER NOT NULL,
    domain TEXT NOT NULL, last TEXT NOT NULL, status TEXT NOT NULL, failure INTEGER NOT NULL,
    host TEXT NOT NULL, marks TEXT NOT NULL, UNIQUE(domain, class, marks));
CREATE INDEX destination_due ON destination(due) WHERE queued > 0;
CREATE TABLE evidence (seq INTEGER PRIMARY KEY, time INTEGER NOT NULL, outcome INTEGER NOT NULL,
    reached INTEGER NOT NULL, message INTEGER NOT NULL, domain TEXT NOT NULL,
    hash BLOB NOT NULL, body BLOB NOT NULL, personal BLOB NOT NULL);
CREATE INDEX evidence_plain ON evidence(seq, time, domain) WHERE reached = 1;
CREATE INDEX evidence_message ON evidence(message) WHERE message > 0;
CREATE TABLE checkpoint (seq INTEGER PRIMARY KEY, time INTEGER NOT NULL, hash BLOB NOT NULL,
    key BLOB NOT NULL, signature BLOB NOT NULL);
CREATE TABLE base (id INTEGER PRIMARY KEY, seq INTEGER NOT NULL, hash BLOB NOT NULL,
    stripped INTEGER NOT NULL);
INSERT INTO base VALUES (1, 0, zeroblob(32), 0);
CREATE TABLE exception_use (name TEXT NOT NULL, until INTEGER NOT NULL, used INTEGER NOT NULL,
    last INTEGER NOT NULL, told INTEGER NOT NULL, probed INTEGER NOT NULL,
    needed INTEGER NOT NULL, host TEXT NOT NULL, why TEXT NOT NULL, PRIMARY KEY(name,
    until)) WITHOUT ROWID;
CREATE TABLE exception_message (message INTEGER NOT NULL, name TEXT NOT NULL,
    until INTEGER NOT NULL, PRIMARY KEY(message, name, until)) WITHOUT ROWID;
CREATE TABLE sts_policy (domain TEXT PRIMARY KEY, data BLOB NOT NULL);
INSERT INTO meta VALUES ('schema', 3), ('next_id', 1), ('epoch', 0);
INSERT INTO message VALUES (7, 1, 2, 8000, 9000, 1000, 5, 1, 1, 'a@sender.example', '192.0.2.1',
    'alice', '', 0, 'secret');
INSERT INTO chunk VALUES (458752, x'626f64790a');
INSERT INTO destination VALUES (4, 4000, 1, 3, 2, 1, 'r.example', 'connection refused', '4.4.1',
    2, 'mx.r.example', 'secret'), (6, 0, 1, 0, 0, 1, 's.example', '', '', 0, '', 'secret');
INSERT INTO recipient VALUES (458752, 4, 1000, 0, 0, 0, 'b@r.example', '', 3, '', '', 0, '', 0),
    (458753, 6, 2000, 4, 1, 0, 'b@s.example', '450 busy', 0, '', '4.2.0', 0, '', 0);
INSERT INTO exception_use VALUES ('old', 9000, 3, 800, 0, 0, 0, '', '');
INSERT INTO exception_message VALUES (7, 'old', 9000);
INSERT INTO evidence VALUES (1, 1000, 1, 0, 7, 's.example', x'01', x'02', x'03');
UPDATE meta SET value = 9 WHERE key = 'next_id';
