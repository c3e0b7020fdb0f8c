#!/bin/bash
# First process of the laboratory's kernel: an NFSv4 server on 10.78.0.1 and two clients, each in a
# network namespace, with the export mounted at /mnt/a and /mnt/b. Then runs the scenario.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
mount -t proc proc /proc
lab=$(sed -n 's/.*\blab=\([^ ]*\).*/\1/p' /proc/cmdline)
set -a
# shellcheck disable=SC1091
source "$lab/lab.env"
set +a

# Nothing of the host may be written to: what must be writable is in memory.
mount -t sysfs sys /sys
for writable in /run /mnt /var/lib; do mount -t tmpfs tmpfs "$writable"; done
mkdir -p /var/lib/nfs/rpc_pipefs /var/lib/nfs/v4recovery /run/netns
for module in veth bridge nfsd nfsv4; do modprobe -d "$LAB/modules" "$module"; done
ip link set lo up

mkdir -p /mnt/export
mount /dev/ubda /mnt/export
chmod 777 /mnt/export
mount -t nfsd nfsd /proc/fs/nfsd
mount -t rpc_pipefs rpc_pipefs /var/lib/nfs/rpc_pipefs
# Seconds after which the server gives away the locks of a client it does not hear of.
echo 10 >/proc/fs/nfsd/nfsv4leasetime
echo 10 >/proc/fs/nfsd/nfsv4gracetime
rpcbind 2>/dev/null
touch /var/lib/nfs/etab /var/lib/nfs/rmtab
exportfs -o rw,no_root_squash,fsid=0,no_subtree_check,insecure '*:/mnt/export'
rpc.nfsd -N 3 -V 4 -t 4
rpc.mountd -N 3 -V 4

ip link add br0 type bridge
ip addr add 10.78.0.1/24 dev br0
ip link set br0 up
address=2
for client in a b; do
  ip netns add "$client"
  ip link add "v$client" type veth peer name e0 netns "$client"
  ip link set "v$client" master br0 up
  ip -n "$client" addr add "10.78.0.$address/24" dev e0
  ip -n "$client" link set e0 up
  ip -n "$client" link set lo up
  mkdir -p "/mnt/$client" "/run/sys-$client"
  # Without an identifier of its own the server would take both for one client.
  nsenter --net="/run/netns/$client" unshare -u bash -c "
    hostname client-$client
    mount -t sysfs sys /run/sys-$client
    echo client-$client >/run/sys-$client/fs/nfs/net/nfs_client/identifier
    mount -t nfs4 -o $MOUNT_OPTIONS 10.78.0.1:/ /mnt/$client" || echo "mounting for $client failed"
  address=$((address + 1))
done
grep nfs4 /proc/mounts | cut -c1-200
# The server grants no locks until its grace period is over.
sleep 12

"$NODE" "$HERE/scenario.mjs"
dmesg | grep -iE 'nfs.*(lost|lock|lease|reclaim)' | tail -3
halt -f -p
