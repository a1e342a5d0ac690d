# SPDX-License-Identifier: Apache-2.0
"""script/package's checks, on small programs made for them: the real one takes minutes to build."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import lambda_zip  # noqa: E402

PLAIN = "int main(void) { return 0; }\n"
# Of glibc 2.36.
LATE = "unsigned arc4random(void);\nint main(void) { return (int)(arc4random() & 1); }\n"


class LambdaZip(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="jitney-zip-")
        self.addCleanup(directory.cleanup)
        self.path = pathlib.Path(directory.name)
        self.certificates = self.path / "certs"
        self.certificates.mkdir()
        (self.certificates / "5ad8a5d6.0").write_text("a root\n")
        self.zip = self.path / "function.zip"

    def compile(self, source, *options, name="bootstrap"):
        (self.path / f"{name}.c").write_text(source)
        subprocess.run(["cc", "-O1", "-o", self.path / name, self.path / f"{name}.c", *options], check=True)
        return self.path / name

    def file(self, name, size):
        """Bytes that no packing makes smaller."""
        (self.path / name).write_bytes(os.urandom(size))
        return self.path / name

    def package(self, bootstrap):
        return subprocess.run([sys.executable, HERE / "lambda_zip.py", self.zip, bootstrap, self.certificates],
                              capture_output=True, text=True, check=False)

    def test_a_program_that_needs_the_c_library_alone_is_packed(self):
        done = self.package(self.compile(PLAIN))
        self.assertEqual(done.returncode, 0, done.stderr)
        with zipfile.ZipFile(self.zip) as package:
            self.assertEqual(package.namelist(), ["bootstrap", "certs/5ad8a5d6.0"])
            modes = {entry.filename: entry.external_attr >> 16 & 0o777 for entry in package.infolist()}
            self.assertEqual(modes, {"bootstrap": 0o755, "certs/5ad8a5d6.0": 0o644})
            package.extract("bootstrap", self.path / "unpacked")
        unpacked = self.path / "unpacked/bootstrap"
        unpacked.chmod(0o755)
        self.assertEqual(subprocess.run([unpacked], check=False).returncode, 0)

    def test_one_without_any_library_is_packed_too(self):
        self.assertEqual(self.package(self.compile(PLAIN, "-static")).returncode, 0)

    def test_a_symbol_that_lambda_has_not_is_refused_by_name_and_leaves_no_zip(self):
        done = self.package(self.compile(LATE))
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("GLIBC_2.36 for arc4random", done.stderr)
        self.assertFalse(self.zip.exists())

    def test_a_library_that_lambda_has_not_is_refused_by_name(self):
        self.compile("int own(void) { return 0; }\n", "-shared", "-fPIC", name="libown.so")
        done = self.package(self.compile("int own(void);\nint main(void) { return own(); }\n", "-L", self.path, "-lown"))
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("libraries that Lambda has not: libown.so", done.stderr)

    def test_what_is_no_executable_is_refused(self):
        with self.assertRaisesRegex(lambda_zip.Unfit, "no executable"):
            lambda_zip.check_binary(self.file("bootstrap", 100))

    def test_a_bootstrap_that_packs_too_large_is_refused(self):
        with self.assertRaisesRegex(lambda_zip.Unfit, "bootstrap has .* bytes packed; 3000000 are the most"):
            lambda_zip.write(self.zip, self.file("bootstrap", 3_001_000), self.certificates)

    def test_a_zip_that_is_too_large_is_refused(self):
        self.file("certs/11111111.0", 1_500_000)
        with self.assertRaisesRegex(lambda_zip.Unfit, "the zip has .* bytes packed; 4000000 are the most"):
            lambda_zip.write(self.zip, self.file("bootstrap", 2_900_000), self.certificates)

    def test_a_directory_without_hashed_roots_is_refused(self):
        (self.certificates / "5ad8a5d6.0").rename(self.certificates / "root.pem")
        with self.assertRaisesRegex(lambda_zip.Unfit, "no hashed certificates"):
            lambda_zip.write(self.zip, self.file("bootstrap", 100), self.certificates)

    def test_the_same_content_gives_the_same_bytes_and_a_configuration_comes_along(self):
        bootstrap, config = self.file("bootstrap", 1000), self.path / "any.toml"
        config.write_text('deployment = "a"\n')
        other = self.path / "other.zip"
        total, packed = lambda_zip.write(self.zip, bootstrap, self.certificates, config)
        os.utime(bootstrap, (1, 1))
        lambda_zip.write(other, bootstrap, self.certificates, config)
        self.assertEqual(self.zip.read_bytes(), other.read_bytes())
        self.assertEqual(total, self.zip.stat().st_size)
        self.assertGreaterEqual(packed, 1000)
        with zipfile.ZipFile(self.zip) as package:
            self.assertEqual(package.read("jitney.toml"), b'deployment = "a"\n')


if __name__ == "__main__":
    unittest.main()
