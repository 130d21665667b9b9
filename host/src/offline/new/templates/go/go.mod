module example.com/my-policy

go 1.26
