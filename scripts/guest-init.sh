#!/bin/busybox sh
# shellcheck shell=dash
# The first process of a machine that scripts/test-kernels.sh boots: makes it a host like others, runs the tests as root,
# writes their exit status to the second serial line, and switches the machine off.
export PATH=/bin:/usr/sbin HOME=/root DLX_BIN=/bin/dlx DLX_TEST_NO_SKIP=1

# pivot_root(2) does not work on the kernel's rootfs, and container runtimes need it: / becomes a mount upon that.
if [ "$1" != mounted ]; then
	/bin/busybox mount --bind / /mnt
	cd /mnt || exit
	/bin/busybox mount --move . /
	exec /bin/busybox chroot . /init mounted
fi

/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs -o mode=1777 shm /dev/shm
mount -t cgroup2 cgroup /sys/fs/cgroup
mount -t securityfs security /sys/kernel/security
mount --make-rshared / # as systemd does
while read -r module; do
	insmod "/modules/$module.ko" 2>/dev/null || echo "no module $module"
done </modules/order
ip link set lo up
hostname guest

xargs /kernel.test </arguments
echo $? >/dev/ttyS1
poweroff -f
