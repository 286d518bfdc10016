-- Schema 1, with a message on its way to each of two domains.
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE courier (instance INTEGER PRIMARY KEY, seq INTEGER NOT NULL,
    heard INTEGER NOT NULL);
CREATE TABLE message (id INTEGER PRIMARY KEY, queued INTEGER NOT NULL, rcpts INTEGER NOT NULL,
    expires INTEGER NOT NULL, received INTEGER NOT NULL, size INTEGER NOT NULL,
    flags INTEGER NOT NULL, class INTEGER NOT NULL, sender TEXT NOT NULL, client TEXT NOT NULL);
CREATE INDEX message_incoming ON message(id) WHERE queued = 0;
CREATE INDEX message_expires ON message(expires) WHERE queued = 1;
CREATE TABLE chunk (id INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE recipient (id INTEGER PRIMARY KEY, dest INTEGER NOT NULL, next INTEGER NOT NULL,
    attempts INTEGER NOT NULL, required INTEGER NOT NULL, reached INTEGER NOT NULL,
    address TEXT NOT NULL, last TEXT NOT NULL);
CREATE INDEX recipient_due ON recipient(dest, next);
CREATE TABLE destination (id INTEGER PRIMARY KEY, due INTEGER NOT NULL, queued INTEGER NOT NULL,
    failures INTEGER NOT NULL, required INTEGER NOT NULL, class INTEGER NOT NULL,
    domain TEXT NOT NULL, last TEXT NOT NULL, UNIQUE(domain, class));
CREATE INDEX destination_due ON destination(due) WHERE queued > 0;
CREATE TABLE evidence (seq INTEGER PRIMARY KEY, time INTEGER NOT NULL, outcome INTEGER NOT NULL,
    reached INTEGER NOT NULL, message INTEGER NOT NULL, domain TEXT NOT NULL,
    hash BLOB NOT NULL, body BLOB NOT NULL, personal BLOB NOT NULL);
CREATE INDEX evidence_plain ON evidence(seq, time, domain) WHERE reached = 1;
CREATE INDEX evidence_message ON evidence(message) WHERE message > 0;
CREATE TABLE sts_policy (domain TEXT PRIMARY KEY, data BLOB NOT NULL);
INSERT INTO meta VALUES ('schema', 1), ('next_id', 1), ('epoch', 0);
INSERT INTO message VALUES (7, 1, 2, 9000, 1000, 5, 1, 0, 'a@sender.example', '192.0.2.1'), (8,
    0, 0, 9000, 1000, 5, 1, 0, 'a@sender.example', '192.0.2.1');
INSERT INTO chunk VALUES (458752, x'626f64790a'), (524288, x'00');
INSERT INTO destination VALUES (1, 4000, 1, 3, 2, 0, 'r.example', 'connection refused'), (2, 0,
    1, 0, 0, 0, 's.example', '');
INSERT INTO recipient VALUES (458752, 1, 1000, 0, 0, 0, 'b@r.example', ''), (458753, 2, 2000, 4,
    1, 0, 'b@s.example', '450 busy');
INSERT INTO evidence VALUES (1, 1000, 1, 0, 7, 's.example', x'01', x'02', x'03');
INSERT INTO courier VALUES (5, 6, 7);
UPDATE meta SET value = 9 WHERE key = 'next_id';
