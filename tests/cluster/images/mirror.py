#!/usr/bin/env python3
"""The image registry of a cluster: read-only, over a folder of image archives.

  mirror.py ADDRESS PORT FOLDER

containerd asks it for every image of every registry (the name comes as ?ns=HOST), so no pull leaves the machine:
an image that is not in FOLDER is a real 404. Two kinds of hosts behave on purpose:
  private.HOST   serves HOST's images to basic auth user:pass, and answers 401 without (for imagePullSecrets)
  slow.HOST      accepts and never answers
"""
import base64
import glob
import http.server
import json
import sys
import tarfile
import threading

CREDENTIALS = 'Basic ' + base64.b64encode(b'user:pass').decode()


class Archives:
    """Finds manifests and blobs in the archives; looks again when asked for one it does not know or that may have changed."""

    def __init__(self, folder):
        self.folder = folder

    def scan(self):
        """Returns {name:tag -> digest} and {digest -> (file, offset, size)}."""
        tags, blobs = {}, {}
        for path in glob.glob(self.folder + '/*.tar'):
            with tarfile.open(path) as tar:
                for member in tar:
                    if member.name.startswith('blobs/sha256/'):
                        blobs['sha256:' + member.name.rpartition('/')[2]] = (path, member.offset_data, member.size)
                index = json.load(tar.extractfile('index.json'))
            for manifest in index['manifests']:
                tags[manifest['annotations']['io.containerd.image.name']] = manifest['digest']
        return tags, blobs

    def find(self, host, repository, reference):
        """The digest and place of a tag or digest, or None. Archives hold a handful of files, so every lookup scans them."""
        tags, blobs = self.scan()
        digest = reference if reference.startswith('sha256:') else tags.get(f'{host}/{repository}:{reference}')
        return (digest, blobs[digest]) if digest in blobs else None


class Handler(http.server.BaseHTTPRequestHandler):
    """The pull half of the OCI distribution API."""
    protocol_version = 'HTTP/1.1'
    archives = None

    def answer(self, status, body=b'', **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace('_', '-'), value)
        self.send_header('content-length', str(len(body)))
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(body)

    def refuse(self, status, code, message, **headers):
        body = json.dumps({'errors': [{'code': code, 'message': message}]}).encode()
        self.answer(status, body, content_type='application/json', **headers)

    def do_GET(self):  # noqa: N802 (the base class names it)
        path, _, query = self.path.partition('?')
        host = dict(pair.partition('=')[::2] for pair in query.split('&')).get('ns', 'localhost')
        if host.startswith('slow.'):
            threading.Event().wait()  # for ever: the thread ends with the process
        if host.startswith('private.'):
            if self.headers.get('authorization') != CREDENTIALS:
                return self.refuse(401, 'UNAUTHORIZED', 'authentication required', www_authenticate='Basic realm="private"')
            host = host.removeprefix('private.')
        parts = path.strip('/').split('/')
        if parts == ['v2']:
            return self.answer(200, b'{}')
        if len(parts) < 4 or parts[0] != 'v2':
            return self.answer(404)
        kind, found = parts[-2], self.archives.find(host, '/'.join(parts[1:-2]), parts[-1])
        if found is None:
            return self.refuse(404, 'MANIFEST_UNKNOWN', 'manifest unknown')
        return self.send_blob(kind, *found)

    do_HEAD = do_GET  # noqa: N815

    def send_blob(self, kind, digest, place):
        path, offset, size = place
        self.send_response(200)
        manifest = kind == 'manifests'
        self.send_header('content-type', 'application/vnd.oci.image.manifest.v1+json' if manifest else 'application/octet-stream')
        self.send_header('docker-content-digest', digest)
        self.send_header('content-length', str(size))
        self.end_headers()
        if self.command == 'HEAD':
            return
        with open(path, 'rb') as file:
            file.seek(offset)
            while size > 0:
                block = file.read(min(size, 1 << 20))
                self.wfile.write(block)
                size -= len(block)


def main():
    address, port, folder = sys.argv[1:]
    Handler.archives = Archives(folder)
    http.server.ThreadingHTTPServer((address, int(port)), Handler).serve_forever()


if __name__ == '__main__':
    main()
