/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_tlsa - `tierpost tlsa USAGE SELECTOR MATCHING [HOST]`: the TLSA record
 * of the first certificate on standard input, as it stands in a zone.  The
 * three by the names of RFC 7218 or as numbers.
 */
#include <inttypes.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#include "dane/chain.h"
#include "gateway/cmd_util.h"
#include "util/domain.h"
#include "util/sha256.h"

#define SMTP_PORT 25u

static int
usage(void)
{
	fprintf(stderr,
	    "usage: tierpost tlsa USAGE SELECTOR MATCHING [HOST] <CERTIFICATE\n"
	    "       USAGE: PKIX-TA, PKIX-EE, DANE-TA, DANE-EE, or 0 to 3\n"
	    "       SELECTOR: Cert, SPKI, or 0, 1\n"
	    "       MATCHING: Full, SHA2-256, SHA2-512, or 0 to 2\n");
	return EXIT_USAGE;
}

/* The first certificate on standard input; NULL after having said why. */
static const struct chain_cert *
read_certificate(TALLOC_CTX *mem)
{
	struct chain_certs *chain = need(talloc_zero(mem, struct chain_certs));
	X509 *x = PEM_read_X509(stdin, NULL, NULL, NULL);
	unsigned char *der = NULL;
	struct diag why = { 0 };
	struct span a;
	int n;

	if (x == NULL) {
		fprintf(stderr, "tierpost: no certificate in PEM on standard "
				"input\n");
		return NULL;
	}
	n = i2d_X509(x, &der);
	X509_free(x);
	if (n <= 0)
		panic("no DER of a certificate");
	a = span_copy(mem, span_of(der, (size_t)n));
	OPENSSL_free(der);
	if (chain_read(mem, &a, 1, chain, &why) == ST_OK)
		return &chain->cert[0];
	fprintf(stderr, "tierpost: %s\n", why.text);
	return NULL;
}

static int
print_record(TALLOC_CTX *mem, struct tlsa *t, const char *host)
{
	const struct chain_cert *cert = read_certificate(mem);
	char *hex;

	if (cert == NULL)
		return EXIT_NO;
	t->data = chain_data(mem, cert, t->selector, t->matching);
	hex = need(talloc_array(mem, char, (unsigned)(2 * t->data.n + 1)));
	hex_encode(t->data, hex);
	if (host != NULL)
		printf("_%u._tcp.%s. IN TLSA ", SMTP_PORT, host);
	printf("%u %u %u %s\n", t->usage, t->selector, t->matching, hex);
	fprintf(stderr, "%s\n", tlsa_names(mem, t));
	if (t->usage != TLSA_DANE_TA && t->usage != TLSA_DANE_EE)
		fprintf(stderr, "tierpost: this usage does not count for SMTP "
				"(RFC 7672 3.1.3)\n");
	return EXIT_DONE;
}

int
cmd_tlsa(int argc, char **argv)
{
	TALLOC_CTX *mem = need(talloc_new(NULL));
	const char *host = NULL;
	struct diag why = { 0 };
	struct tlsa t;
	char *params;
	int status;

	if (argc != 4 && argc != 5) {
		talloc_free(mem);
		return usage();
	}
	params = need(talloc_asprintf(mem, "%s %s %s", argv[1], argv[2],
	    argv[3]));
	if (tlsa_params_parse(span_str(params), &t, &why) != ST_OK ||
	    (argc == 5 && domain_canonical(mem, span_str(argv[4]), &host,
			      &why) != ST_OK)) {
		fprintf(stderr, "tierpost: %s\n", why.text);
		status = usage();
	} else if (t.usage > TLSA_DANE_EE || t.selector > 1 || t.matching > 2) {
		fprintf(stderr, "tierpost: nobody knows what these mean\n");
		status = usage();
	} else {
		status = print_record(mem, &t, host);
	}
	talloc_free(mem);
	return status;
}
