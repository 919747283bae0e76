import "rivulet/worker-thread";
