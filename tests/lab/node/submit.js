// SPDX-License-Identifier: BSD-2-Clause
//
// Hands in one message with nodemailer.  Standard input: {transport, mail} as
// JSON, as createTransport and sendMail have them.  Standard output: what
// sendMail says, or {error, code}.
'use strict';

const fs = require('fs');
const nodemailer = require('nodemailer');

const { transport, mail } = JSON.parse(fs.readFileSync(0, 'utf8'));
if (mail.rawBase64 !== undefined) {
	mail.raw = Buffer.from(mail.rawBase64, 'base64');
	delete mail.rawBase64;
}
nodemailer.createTransport(transport).sendMail(mail).then(
	info => console.log(JSON.stringify(info)),
	error => {
		console.log(JSON.stringify({
			error: error.message, code: error.responseCode }));
		process.exitCode = 1;
	}
);
