// Sends with credentials that are right and wrong; see ../README.md.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	rmq "github.com/apache/rocketmq-clients/golang/v5"
	"github.com/apache/rocketmq-clients/golang/v5/credentials"
)

func main() {
	rmq.EnableSsl = true
	endpoints, topic, user, secret := os.Args[1], os.Args[2]+"-secrets", os.Args[3], os.Args[4]
	all := []struct {
		name        string
		credentials *credentials.SessionCredentials
	}{
		{"none", &credentials.SessionCredentials{}},
		{"wrong-secret", &credentials.SessionCredentials{AccessKey: user, AccessSecret: secret + "x"}},
		{"unknown-user", &credentials.SessionCredentials{AccessKey: user + "x", AccessSecret: secret}},
		{"right", &credentials.SessionCredentials{AccessKey: user, AccessSecret: secret}},
	}
	for _, one := range all {
		err := send(endpoints, topic, one.credentials)
		if err == nil {
			fmt.Println(one.name, "SENT")
		} else {
			fmt.Println(one.name, "REFUSED", strings.ReplaceAll(err.Error(), "\n", " "))
		}
	}
}

func send(endpoints, topic string, credentials *credentials.SessionCredentials) error {
	producer, err := rmq.NewProducer(
		&rmq.Config{Endpoint: endpoints, Credentials: credentials}, rmq.WithTopics(topic))
	if err != nil {
		return err
	}
	if err := producer.Start(); err != nil {
		return err
	}
	_, err = producer.Send(context.TODO(), &rmq.Message{Topic: topic, Body: []byte("secret")})
	return err
}
