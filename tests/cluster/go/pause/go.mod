module scalable-shop.dev/cluster/pause

go 1.26
