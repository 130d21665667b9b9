module cluster/workloads

go 1.26
