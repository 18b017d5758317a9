"""
certificates — a CA of the tests' own, and a certificate for 127.0.0.1 that it has signed.
"""
import os
import subprocess

from harness import new_dir


def _openssl(where, *args):
    subprocess.run(["openssl", *args], cwd=where, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def make_certificates():
    """ca.pem, cert.pem and key.pem, and broker.pem with key and certificate in one; the directory that holds them."""
    where = new_dir("tls")
    _openssl(where, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=Test CA", "-keyout", "ca.key",
             "-out", "ca.pem", "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")
    _openssl(where, "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-keyout", "key.pem", "-out", "cert.csr")
    with open(os.path.join(where, "ext"), "w", encoding="utf-8") as file:
        file.write("subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n")
    _openssl(where, "x509", "-req", "-in", "cert.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
             "-extfile", "ext", "-out", "cert.pem")
    with open(os.path.join(where, "broker.pem"), "w", encoding="utf-8") as out:
        for name in ("key.pem", "cert.pem"):
            with open(os.path.join(where, name), encoding="utf-8") as file:
                out.write(file.read())
    return where
