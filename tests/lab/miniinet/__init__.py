# SPDX-License-Identifier: BSD-2-Clause
"""A mini-internet for tests: signed DNS, policy hosts and mail servers.

Everything lives on loopback addresses of a network namespace of its own, so
that port 25, 53 and 443 are free, nothing leaves the machine and nothing can
be left behind: the namespace goes with the process that made it.

    catalogue   every domain: what it publishes, how its hosts behave
    world       raises all of it and hands out its parts
    netns       the namespace
    procs       child processes, ended by their pid
    pki         certificate authorities and certificates
    zones       DNS zones and their signatures
    nameserver  NSD, which serves them
    faults      a DNS forwarder in front of NSD that breaks chosen names
    https       policy hosts (MTA-STS)
    smtp        scripted mail servers, and a man in the middle
    wire        a sniffer: what really crossed to port 25
    link        a wire to a server, with loss, delay and an end
    gateway     the gateway under test
    letters     messages that are hard to carry, and a client for them
    mtas        Postfix, Exim and OpenSMTPD, run from private folders
    mta_kinds   how they are configured
    socketmap   a Postfix that asks the gateway what to require
    resolver    the validating resolver that it has
    node        nodemailer and smtp-server, run by Node.js
    demo        the story that ./demo tells
"""
