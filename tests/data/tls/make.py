"""Makes the certificates for tests of TLS: a CA that nobody trusts, a server and two clients of it, and a client that no CA
knows. Needs `pip install cryptography`."""

from datetime import datetime, timezone
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HERE = Path(__file__).parent
START, END = (datetime(year, 1, 1, tzinfo=timezone.utc) for year in (2020, 2056))


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certificate(subject, key, *extensions, by=None):
    issuer, signs = by or ("Closeloop test CA", ca_key)
    builder = x509.CertificateBuilder(issuer_name=name(issuer), subject_name=name(subject))
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(START).not_valid_after(END)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
    return builder.sign(signs, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def written(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


ca_key, server_key, client_key, other_key, stranger_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(5))
names = [x509.DNSName("localhost"), x509.DNSName("api.example.com"), x509.IPAddress(ip_address("127.0.0.1"))]
(HERE / "ca.pem").write_bytes(
    certificate("Closeloop test CA", ca_key, x509.BasicConstraints(ca=True, path_length=0))
)
(HERE / "server.pem").write_bytes(
    certificate(
        "Closeloop test server",
        server_key,
        x509.BasicConstraints(ca=False, path_length=None),
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
        x509.SubjectAlternativeName(names),
    )
)
(HERE / "server.key").write_bytes(written(server_key))
for who, key, by in [
    ("client", client_key, ("Closeloop test CA", ca_key)),
    ("other-client", other_key, ("Closeloop test CA", ca_key)),
    ("stranger", stranger_key, ("Closeloop test stranger", stranger_key)),
]:
    (HERE / f"{who}.pem").write_bytes(
        certificate(
            f"Closeloop test {who}",
            key,
            x509.BasicConstraints(ca=False, path_length=None),
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]),
            by=by,
        )
    )
    (HERE / f"{who}.key").write_bytes(written(key))
