// SPDX-License-Identifier: BSD-2-Clause
//
// Mail hosts made with smtp-server.  Argument: a JSON file with a list of
// {host, address, pem, folder, options}; pem has key and certificates.  Each
// message becomes N.eml in the folder, with its envelope in N.json, which is
// written last.
'use strict';

const fs = require('fs');
const path = require('path');
const { SMTPServer } = require('smtp-server');

let count = 0;

function take(folder) {
	return (stream, session, done) => {
		const base = path.join(folder, String(++count));
		stream.pipe(fs.createWriteStream(`${base}.eml`)).on('finish', () => {
			if (stream.sizeExceeded) {
				const error = new Error('too large');
				error.responseCode = 552;
				done(error);
				return;
			}
			fs.writeFileSync(`${base}.part`, JSON.stringify({
				envelope: session.envelope, tls: session.tlsOptions }));
			fs.renameSync(`${base}.part`, `${base}.json`);
			done(null, 'taken');
		});
	};
}

for (const { host, address, pem, folder, options } of
	JSON.parse(fs.readFileSync(process.argv[2], 'utf8'))) {
	const identity = fs.readFileSync(pem);
	const server = new SMTPServer({
		name: host, key: identity, cert: identity, size: 32 << 20,
		authOptional: true, disableReverseLookup: true, hideDSN: false,
		hideENHANCEDSTATUSCODES: false, onData: take(folder), ...options });
	server.on('error', error => console.error(`${host}: ${error.message}`));
	server.listen(25, address);
}
