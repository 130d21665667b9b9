#!/usr/bin/env python3
"""Writes an OCI image archive from local files, with no container engine.

  make-image.py OUT.tar NAME:TAG [options] [SOURCE:TARGET ...]

SOURCE is a file or a folder, TARGET its absolute path in the image. `:TARGET` makes an empty folder (/tmp gets mode 1777).
A symbolic link named as SOURCE is followed; inside folders links stay links.

The same input gives the same digest on every machine: times, owners and order are fixed, modes are 755 or 644.
Load the result with `cluster load NAME OUT.tar`, or: ctr -n k8s.io images import OUT.tar
"""
import argparse
import hashlib
import io
import json
import os
import platform
import re
import subprocess
import sys
import tarfile

LAYER = 'application/vnd.oci.image.layer.v1.tar'
CONFIG = 'application/vnd.oci.image.config.v1+json'
MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
INDEX = 'application/vnd.oci.image.index.v1+json'
ARCHITECTURES = {'x86_64': 'amd64', 'aarch64': 'arm64'}  # as Go and OCI call them


def parse_arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('out')
    p.add_argument('name', help='with domain and tag, as localhost/probe:1')
    p.add_argument('files', nargs='*', metavar='SOURCE:TARGET')
    p.add_argument('--binary', action='append', default=[], metavar='SOURCE:TARGET',
                   help='a program: comes with the shared libraries it links to, at the paths where this machine has them')
    p.add_argument('--entrypoint', type=json.loads, metavar='JSON', help='a list of strings')
    p.add_argument('--cmd', type=json.loads, metavar='JSON', help='a list of strings')
    p.add_argument('--user', default='65532:65532', help='numeric (default: %(default)s)')
    p.add_argument('--env', action='append', default=[], metavar='NAME=VALUE')
    p.add_argument('--workdir', default='/')
    p.add_argument('--port', action='append', default=[], help='a TCP port the image says it listens on')
    return p.parse_intermixed_args()


def shared_libraries(binary):
    """What the dynamic linker would load for the binary; nothing for a static one."""
    listing = subprocess.run(['ldd', binary], capture_output=True, text=True, check=False).stdout
    if 'not found' in listing:
        sys.exit(f'make-image: {binary} links to libraries that this machine does not have:\n{listing}')
    return re.findall(r'(/\S+) \(0x', listing)


def collect(arguments):
    """Maps each path in the image, without its leading slash, to the file it comes from; None is a folder."""
    entries = {}

    def add(target, source):
        parts = target.strip('/').split('/')
        for depth in range(1, len(parts)):
            entries.setdefault('/'.join(parts[:depth]), None)
        entries['/'.join(parts)] = source

    for pair in arguments.files + arguments.binary:
        source, _, target = pair.partition(':')
        if not target.startswith('/'):
            sys.exit(f'make-image: {pair}: write SOURCE:TARGET with an absolute TARGET')
        if source == '':
            add(target, None)
        elif os.path.isdir(source):
            for folder, folders, names in os.walk(source):
                base = os.path.normpath(os.path.join(target, os.path.relpath(folder, source)))
                add(base, None)
                for name in names + [f for f in folders if os.path.islink(os.path.join(folder, f))]:
                    add(f'{base}/{name}', os.path.join(folder, name))
        elif os.path.exists(source):
            add(target, os.path.realpath(source))
        else:
            sys.exit(f'make-image: {source}: no such file')
    for pair in arguments.binary:
        for library in shared_libraries(pair.partition(':')[0]):
            add(library, os.path.realpath(library))
    return entries


def layer_of(entries):
    """A tar file of the entries, as bytes."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w', format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(entries):
            source, entry = entries[path], tarfile.TarInfo(path)
            if source is None:
                entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if path == 'tmp' else 0o755
                tar.addfile(entry)
            elif os.path.islink(source):
                entry.type, entry.linkname = tarfile.SYMTYPE, os.readlink(source)
                tar.addfile(entry)
            else:
                with open(source, 'rb') as file:
                    status = os.fstat(file.fileno())
                    entry.size, entry.mode = status.st_size, 0o755 if status.st_mode & 0o100 else 0o644
                    tar.addfile(entry, file)
    return out.getvalue()


class Blobs:
    """Content by digest, as an OCI layout keeps it."""

    def __init__(self):
        self.by_digest = {}

    def put(self, content, media_type):
        """Adds bytes, or anything else as JSON; returns its descriptor."""
        if not isinstance(content, bytes):
            content = json.dumps(content, sort_keys=True).encode()
        digest = hashlib.sha256(content).hexdigest()
        self.by_digest[digest] = content
        return {'mediaType': media_type, 'digest': 'sha256:' + digest, 'size': len(content)}


def write_archive(path, blobs, index):
    """An OCI layout as a tar file, put in place only when complete."""
    with tarfile.open(path + '.new', 'w') as tar:
        def write(name, content):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            tar.addfile(entry, io.BytesIO(content))
        write('oci-layout', b'{"imageLayoutVersion":"1.0.0"}')
        write('index.json', json.dumps(index, sort_keys=True).encode())
        for digest in sorted(blobs.by_digest):
            write('blobs/sha256/' + digest, blobs.by_digest[digest])
    os.replace(path + '.new', path)


def main():
    arguments = parse_arguments()
    if not re.fullmatch(r'[^/:]+(:\d+)?(/[^/:]+)+:[^/:]+', arguments.name):
        sys.exit(f'make-image: {arguments.name}: an image name has domain, path and tag, as localhost/probe:1')
    blobs = Blobs()
    layer = blobs.put(layer_of(collect(arguments)), LAYER)
    settings = {
        'User': arguments.user,
        'Env': ['PATH=/usr/local/bin:/usr/bin:/bin', *arguments.env],
        'WorkingDir': arguments.workdir,
        'Entrypoint': arguments.entrypoint,
        'Cmd': arguments.cmd,
        'ExposedPorts': {port + '/tcp': {} for port in arguments.port},
    }
    target = {'architecture': ARCHITECTURES.get(platform.machine(), platform.machine()), 'os': 'linux'}
    config = blobs.put({
        **target,
        'config': {name: value for name, value in settings.items() if value},
        'rootfs': {'type': 'layers', 'diff_ids': [layer['digest']]},
    }, CONFIG)
    manifest = blobs.put({'schemaVersion': 2, 'mediaType': MANIFEST, 'config': config, 'layers': [layer]}, MANIFEST)
    write_archive(arguments.out, blobs, {'schemaVersion': 2, 'mediaType': INDEX, 'manifests': [
        {**manifest, 'platform': target, 'annotations': {'io.containerd.image.name': arguments.name}}]})
    print(arguments.name, manifest['digest'], f'{os.path.getsize(arguments.out) / 1e6:.1f} MB')


if __name__ == '__main__':
    main()
